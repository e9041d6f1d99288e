//! Exploring: campaigns find classic bugs, shrinking leaves what matters, and the texts say it.

mod campaigns;
mod environment;
mod exhaustive;
mod messages;
mod programs;
mod reasons;
mod shrinking;
mod sweep;
mod traces;
