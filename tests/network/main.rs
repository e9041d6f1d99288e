//! The network: sockets over simulated links.

mod bad_input;
mod datagrams;
mod diary;
mod disk;
mod endings;
mod faults;
mod hosts;
mod local;
mod protocols;
mod servers;
mod sockets;
mod streams;
mod taps;
mod tls;
mod transports;
