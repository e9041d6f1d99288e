//! The network: sockets over simulated links.

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
mod transports;
