//! Threads: they block, they are interrupted, and they are part of the run.

mod basics;
