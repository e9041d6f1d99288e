//! Steps about datagrams.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

use futures::future::{Either, select};

use super::Machine;
use super::connections::{as_text, failed};
use super::eval::wrong;
use super::frame::{Frame, received};
use super::thing::Thing;
use super::world::Open;
use crate::net::UdpSocket;
use crate::scenario::tree::{ErrorName, Expr, Step};
use crate::scenario::value::{Error, Value};
use crate::sync::Event;

/// The most that a datagram can hold.
const LARGEST: usize = 64 << 10;

/// A socket for datagrams.
pub(crate) struct Socket {
    socket: RefCell<Option<Rc<UdpSocket>>>,
    gone: Event,
}

impl Socket {
    pub(super) fn is_open(&self) -> bool {
        self.socket.borrow().is_some()
    }

    pub(super) fn close(&self) {
        let closed = self.socket.take();
        if closed.is_some() {
            self.gone.set();
        }
    }

    fn open(&self) -> Result<Rc<UdpSocket>, Error> {
        let socket = self.socket.borrow().clone();
        socket.ok_or_else(|| Error::with(ErrorName::Closed, "the socket is closed"))
    }

    async fn recv(&self) -> Result<(Vec<u8>, SocketAddr), Error> {
        let socket = self.open()?;
        let mut datagram = vec![0; LARGEST];
        let from = {
            let received = pin!(socket.recv_from(&mut datagram));
            match select(received, pin!(self.gone.wait())).await {
                Either::Left((received, _)) => received.map_err(failed)?,
                Either::Right(_) => {
                    return Err(Error::with(ErrorName::Closed, "the socket is closed"));
                }
            }
        };
        datagram.truncate(from.0);
        Ok((datagram, from.1))
    }
}

impl Frame {
    pub(super) async fn bind(&self, step: &Step, port: &Expr) -> Result<Value, Error> {
        let address = SocketAddr::new(self.anywhere(), self.port(port)?);
        let socket = received(UdpSocket::bind(address)).await?.map_err(failed)?;
        let socket = Rc::new(Socket {
            socket: RefCell::new(Some(Rc::new(socket))),
            gone: Event::new().named("the end of a socket"),
        });
        let open = Open::Socket(Rc::downgrade(&socket));
        self.machine.world.opened(self.variable(step.keep), open);
        Ok(Value::Thing(Thing::Socket(socket)))
    }

    fn socket(&self, expr: &Expr) -> Result<Rc<Socket>, Error> {
        match self.value(expr)? {
            Value::Thing(Thing::Socket(socket)) => Ok(socket),
            other => Err(wrong(expr, "a socket", &other)),
        }
    }

    pub(super) async fn send_to(
        &self,
        socket: &Expr,
        host: &Expr,
        port: &Expr,
        text: &Expr,
    ) -> Result<Value, Error> {
        let socket = self.socket(socket)?.open()?;
        let (host, port, text) = (self.text(host)?, self.port(port)?, self.text(text)?);
        let sent = received(socket.send_to(text.as_bytes(), (&*host, port))).await?;
        sent.map(Value::from).map_err(failed)
    }

    pub(super) async fn recv_from(&self, socket: &Expr) -> Result<Value, Error> {
        let socket = self.socket(socket)?;
        let (datagram, from) = received(socket.recv()).await??;
        let host = self.machine.name_of(from.ip());
        let port = i64::from(from.port());
        Ok(Value::list([
            as_text(&datagram),
            Value::Text(host),
            port.into(),
        ]))
    }
}

impl Machine {
    /// Returns the name of the host that has an address, or else the address as text.
    fn name_of(&self, address: IpAddr) -> Arc<str> {
        if address.is_loopback() {
            return "localhost".into();
        }
        let mut hosts = self.model.hosts.iter().zip(&self.world.hosts);
        let found = hosts.find(|(_, state)| {
            let host = state.host.borrow();
            host.as_ref()
                .is_some_and(|host| host.addresses().contains(&address))
        });
        found.map_or_else(
            || address.to_string().into(),
            |(entry, _)| entry.name.clone(),
        )
    }
}
