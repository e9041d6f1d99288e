//! Exploring: campaigns find classic bugs, shrinking leaves what matters, and the texts say it.

mod campaigns;
mod exhaustive;
mod messages;
mod programs;
mod shrinking;
mod traces;
