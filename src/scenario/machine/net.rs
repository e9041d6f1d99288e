//! Steps about connections: listening, connecting, reading, writing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

use super::Machine;
use super::connections::{Connection, Door, Served, Wanted, as_text, failed};
use super::ends::Outlet;
use super::eval::wrong;
use super::frame::{Frame, received};
use super::thing::{TaskInfo, Thing};
use super::world::Open;
use crate::net::{
    self, ConnectOptions, ServerOptions, StreamReader, StreamWriter, TcpListener, local,
};
use crate::scenario::record::What;
use crate::scenario::tree::{Callee, ErrorName, Expr, Step};
use crate::scenario::value::{Error, Value};
use crate::task::{self, Task};

/// How many connections wait to be accepted where nothing else is said: asyncio's.
const BACKLOG: usize = 100;

/// Where a listener or a server listens, or a connection leads: to a port, or to a path.
enum Address {
    Port(u16),
    Path(Arc<str>),
}

/// What is written to.
enum Sink {
    Connection(Rc<Connection>),
    Pipe(Rc<Outlet>),
}

impl Frame {
    pub(super) fn on_connection(
        &self,
        expr: &Expr,
        act: impl FnOnce(&Connection),
    ) -> Result<Value, Error> {
        act(&*self.connection(expr)?);
        Ok(Value::None)
    }

    fn connection(&self, expr: &Expr) -> Result<Rc<Connection>, Error> {
        match self.value(expr)? {
            Value::Thing(Thing::Connection(connection)) => Ok(connection),
            other => Err(wrong(expr, "a connection", &other)),
        }
    }

    pub(super) fn port(&self, expr: &Expr) -> Result<u16, Error> {
        let port = self.int(expr)?;
        u16::try_from(port)
            .map_err(|_| Error::invalid("a port is a number from 0 to 65535").at(expr.span))
    }

    fn size(&self, expr: &Expr) -> Result<usize, Error> {
        Ok(usize::try_from(self.count(expr)?).unwrap_or(usize::MAX))
    }

    fn address(&self, expr: &Expr) -> Result<Address, Error> {
        match self.value(expr)? {
            Value::Text(path) if path.starts_with('/') => Ok(Address::Path(path)),
            Value::Int(_) => self.port(expr).map(Address::Port),
            other => Err(wrong(expr, "a port, or a path that begins with /,", &other)),
        }
    }

    /// Returns the address that stands for all of the host's.
    pub(super) fn anywhere(&self) -> IpAddr {
        let hosts = &self.machine.model.hosts;
        let own = self.task.host.as_ref();
        let entry = own.and_then(|name| hosts.iter().find(|entry| entry.name == *name));
        match entry.and_then(|entry| entry.address) {
            Some(IpAddr::V6(_)) => Ipv6Addr::UNSPECIFIED.into(),
            _ => Ipv4Addr::UNSPECIFIED.into(),
        }
    }

    /// Returns where to listen, and the path that will stand for it.
    fn listening(&self, expr: &Expr) -> Result<(SocketAddr, Option<Arc<str>>), Error> {
        match self.address(expr)? {
            Address::Port(port) => Ok((SocketAddr::new(self.anywhere(), port), None)),
            Address::Path(path) if local::find(&path).is_ok() => {
                let text = format!("there is a socket `{path}` already");
                Err(Error::with(ErrorName::Address, text))
            }
            Address::Path(path) => {
                let address = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
                Ok((address, Some(path)))
            }
        }
    }

    pub(super) async fn listen(
        &self,
        step: &Step,
        address: &Expr,
        backlog: Option<&Expr>,
    ) -> Result<Value, Error> {
        let backlog = backlog.map_or(Ok(BACKLOG), |backlog| self.size(backlog))?;
        let (address, path) = self.listening(address)?;
        let listener = received(TcpListener::bind_with_backlog(address, backlog)).await?;
        let listener = listener.map_err(failed)?;
        if let Some(path) = &path {
            local::take(path, listener.local_addr()?).map_err(failed)?;
        }
        let door = Door::new(listener, path);
        let open = Open::Listener(Rc::downgrade(&door));
        self.machine.world.opened(self.variable(step.keep), open);
        Ok(Value::Thing(Thing::Listener(door)))
    }

    /// Keeps a connection, and its name.
    fn connected(&self, step: &Step, ends: (StreamReader, StreamWriter)) -> Value {
        let connection = Connection::new(ends);
        let open = Open::Connection(Rc::downgrade(&connection));
        self.machine.world.opened(self.variable(step.keep), open);
        Value::Thing(Thing::Connection(connection))
    }

    pub(super) async fn accept(&self, step: &Step, listener: &Expr) -> Result<Value, Error> {
        match self.value(listener)? {
            Value::Thing(Thing::Listener(door)) => {
                let ends = received(door.accept()).await??;
                Ok(self.connected(step, ends))
            }
            other => Err(wrong(listener, "a listener", &other)),
        }
    }

    pub(super) async fn serve(
        &self,
        step: &Step,
        port: &Expr,
        handler: Callee,
    ) -> Result<Value, Error> {
        let Callee::Body(body) = handler else {
            return Err(Error::invalid("a function in Rust takes no connection"));
        };
        let (address, path) = self.listening(port)?;
        let (machine, host) = (self.machine.clone(), self.task.host.clone());
        let handle = move |reader, writer| machine.handle(body, &host, (reader, writer));
        let server = net::serve(ServerOptions::new(), handle, address, Location::caller());
        let server = received(server).await?.map_err(failed)?;
        if let (Some(path), Some(address)) = (&path, server.addresses().first()) {
            local::take(path, *address).map_err(failed)?;
        }
        let open = Open::Server(server.clone());
        self.machine.world.opened(self.variable(step.keep), open);
        Ok(Value::Thing(Thing::Server(Served::new(server, path))))
    }

    pub(super) async fn connect(
        &self,
        step: &Step,
        address: &Expr,
        port: Option<&Expr>,
        limit: Option<&Expr>,
    ) -> Result<Value, Error> {
        let mut options = ConnectOptions::new();
        if let Some(limit) = limit {
            let bytes = self.size(limit)?;
            if bytes == 0 {
                return Err(Error::invalid("a limit of 0 bytes lets nothing pass").at(limit.span));
            }
            options = options.limit(bytes);
        }
        let name = self.text(address)?;
        let ends = match port {
            None if name.starts_with('/') => {
                let address = local::find(&name).map_err(failed)?;
                received(net::open_connection_with(options, address)).await?
            }
            None => return Err(Error::invalid("a host needs a port").at(address.span)),
            Some(port) => {
                let target = (&*name, self.port(port)?);
                received(net::open_connection_with(options, target)).await?
            }
        };
        Ok(self.connected(step, ends.map_err(failed)?))
    }

    pub(super) async fn closed(&self, connection: &Connection) -> Result<Value, Error> {
        received(connection.wait()).await?.map(Value::from)
    }

    /// Reads from a connection, from a process, or from one's own input.
    async fn take(&self, from: &Expr, wanted: Wanted<'_>) -> Result<Value, Error> {
        let bytes = match self.value(from)? {
            Value::Thing(Thing::Connection(connection)) => {
                received(connection.read(wanted)).await??
            }
            Value::Thing(Thing::Process(child)) => received(child.stdout.read(wanted)).await??,
            Value::Thing(Thing::Input(inlet)) => received(inlet.read(wanted)).await??,
            other => return Err(wrong(from, "a connection, a process or stdin", &other)),
        };
        Ok(as_text(&bytes))
    }

    pub(super) async fn recv(&self, from: &Expr) -> Result<Value, Error> {
        self.take(from, Wanted::Line).await
    }

    pub(super) async fn read(&self, from: &Expr, count: Option<&Expr>) -> Result<Value, Error> {
        let wanted = match count {
            Some(count) => Wanted::Exactly(self.size(count)?),
            None => Wanted::Some,
        };
        self.take(from, wanted).await
    }

    pub(super) async fn read_until(&self, from: &Expr, separator: &Expr) -> Result<Value, Error> {
        let text = self.text(separator)?;
        if text.is_empty() {
            return Err(Error::invalid("a separator has at least one byte").at(separator.span));
        }
        self.take(from, Wanted::Until(text.as_bytes())).await
    }

    pub(super) async fn read_all(&self, from: &Expr) -> Result<Value, Error> {
        self.take(from, Wanted::All).await
    }

    /// Sends a line, and waits until there is room for more.
    pub(super) async fn send(&self, to: &Expr, line: &Expr) -> Result<Value, Error> {
        let line = format!("{}\n", self.text(line)?);
        match self.sink(to)? {
            Sink::Connection(connection) => connection.write(line.as_bytes())?,
            Sink::Pipe(outlet) => outlet.write(line.as_bytes())?,
        }
        self.drain(to).await
    }

    pub(super) fn write(&self, to: &Expr, text: &Expr) -> Result<Value, Error> {
        let text = self.text(text)?;
        match self.sink(to)? {
            Sink::Connection(connection) => connection.write(text.as_bytes())?,
            Sink::Pipe(outlet) => {
                outlet.write(text.as_bytes())?;
                outlet.flush_beside();
            }
        }
        Ok(Value::None)
    }

    /// Finds out what is to be written to.
    fn sink(&self, expr: &Expr) -> Result<Sink, Error> {
        match self.value(expr)? {
            Value::Thing(Thing::Connection(connection)) => Ok(Sink::Connection(connection)),
            Value::Thing(Thing::Process(child)) => Ok(Sink::Pipe(child.stdin.clone())),
            Value::Thing(Thing::Output(outlet)) => Ok(Sink::Pipe(outlet)),
            other => Err(wrong(
                expr,
                "a connection, a process, stdout or stderr",
                &other,
            )),
        }
    }

    pub(super) async fn drain(&self, of: &Expr) -> Result<Value, Error> {
        match self.sink(of)? {
            Sink::Connection(connection) => received(connection.drain()).await?.map(Value::from),
            Sink::Pipe(outlet) => received(outlet.flush()).await?.map(Value::from),
        }
    }

    pub(super) fn write_eof(&self, of: &Expr) -> Result<Value, Error> {
        match self.sink(of)? {
            Sink::Connection(connection) => connection.write_eof(),
            Sink::Pipe(outlet) => outlet.close(),
        }
        Ok(Value::None)
    }

    pub(super) fn close(&self, what: &Expr) -> Result<Value, Error> {
        let value = self.value(what)?;
        match &value {
            Value::Thing(Thing::Connection(connection)) => connection.close(),
            Value::Thing(Thing::Listener(door)) => door.close(),
            Value::Thing(Thing::Server(served)) => served.close(),
            Value::Thing(Thing::Socket(socket)) => socket.close(),
            Value::Thing(Thing::Process(child)) => child.stdin.close(),
            Value::Thing(Thing::Output(outlet)) => outlet.close(),
            other => return Err(wrong(what, "something that can be closed", other)),
        }
        Ok(Value::None)
    }

    pub(super) fn limits(&self, of: &Expr, high: &Expr, low: &Expr) -> Result<Value, Error> {
        let connection = self.connection(of)?;
        let (upper, lower) = (self.size(high)?, self.size(low)?);
        if upper < lower {
            let text = "the high mark must not be below the low one";
            return Err(Error::invalid(text).at(high.span.to(low.span)));
        }
        connection.limit(upper, lower);
        Ok(Value::None)
    }

    pub(super) async fn resolve(&self, name: &Expr) -> Result<Value, Error> {
        let name = self.text(name)?;
        let found = received(net::lookup_host((&*name, 0))).await?;
        let addresses = found.map_err(failed)?.into_iter();
        Ok(Value::list(
            addresses.map(|address| Value::text(address.ip().to_string())),
        ))
    }
}

impl Machine {
    /// Makes the task that handles a connection of a server.
    fn handle(
        self: &Rc<Self>,
        body: u16,
        host: &Option<Arc<str>>,
        ends: (StreamReader, StreamWriter),
    ) -> Task<Value> {
        let callee = Callee::Body(body);
        let info: Rc<TaskInfo> = self.task(None, &self.callee(callee), host.clone());
        self.notes.note(&self.nobody, None, None, || {
            What::Spawned(info.name.clone())
        });
        let connection = Connection::new(ends);
        let handler = &self.model.bodies[usize::from(body)];
        let mut arguments = Vec::new();
        if handler.parameters > 0 {
            let open = Open::Connection(Rc::downgrade(&connection));
            self.world.opened(Some(handler.locals[0].clone()), open);
            arguments.push(Value::Thing(Thing::Connection(connection)));
        }
        let handled = self.coroutine(callee, arguments, info.clone(), None);
        task::try_spawn(handled).name(info.name.clone())
    }
}
