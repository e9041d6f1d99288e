//! Functions in Rust that scenarios can start by name.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::tree::Const;
use crate::TaskError;
use crate::task::Ending;

/// Functions in Rust that scenarios can start by name. Made by [`programs!`](crate::programs).
///
/// ```
/// use simrun::scenario::Programs;
///
/// let programs = Programs::new().with("idle", |_| async {});
/// assert_eq!(format!("{programs:?}"), r#"["idle"]"#);
/// ```
#[derive(Clone, Default)]
pub struct Programs(Vec<Program>);

#[derive(Clone)]
struct Program {
    name: &'static str,
    start: Arc<dyn Fn(Parameters) -> Main + Send + Sync>,
}

/// What a program does.
pub(crate) type Main = Pin<Box<dyn Future<Output = Result<(), TaskError>>>>;

impl fmt::Debug for Programs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

impl Programs {
    /// Makes an empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a function under a name. What it returns is `()`, or a `Result` whose error fails the
    /// run.
    pub fn with<F, Fut>(mut self, name: &'static str, start: F) -> Self
    where
        F: Fn(Parameters) -> Fut + Send + Sync + 'static,
        Fut: Future + 'static,
        Fut::Output: Ending,
    {
        let start = Arc::new(move |parameters| {
            let main = start(parameters);
            Box::pin(async move { main.await.ending() }) as Main
        });
        self.0.push(Program { name, start });
        self
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|program| program.name)
    }

    pub(crate) fn start(&self, index: u16, parameters: Parameters) -> Main {
        (self.0[usize::from(index)].start)(parameters)
    }
}

/// What a scenario gives to a function in Rust: named values, from
/// `start = "kv_server(port = 7)"`.
///
/// ```
/// use simrun::scenario::Parameters;
/// use std::time::Duration;
///
/// async fn kv_server(parameters: Parameters) {
///     let port = parameters.int("port").unwrap_or(80);
///     let patience = parameters.duration("patience").unwrap_or(Duration::from_secs(5));
///     # let _ = (port, patience);
/// }
/// # let _ = simrun::programs![kv_server];
/// ```
#[derive(Clone, Debug, Default)]
pub struct Parameters(BTreeMap<Arc<str>, Const>);

impl Parameters {
    pub(crate) fn new(values: BTreeMap<Arc<str>, Const>) -> Self {
        Self(values)
    }

    /// Returns an integer.
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.0.get(name) {
            Some(Const::Int(value)) => Some(*value),
            _ => None,
        }
    }

    /// Returns a string.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name) {
            Some(Const::Text(value)) => Some(value),
            _ => None,
        }
    }

    /// Returns a duration.
    pub fn duration(&self, name: &str) -> Option<Duration> {
        match self.0.get(name) {
            Some(Const::Duration(value)) => Some(*value),
            _ => None,
        }
    }

    /// Returns a boolean.
    pub fn bool(&self, name: &str) -> Option<bool> {
        match self.0.get(name) {
            Some(Const::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    /// Returns the strings of a list.
    pub fn texts(&self, name: &str) -> Vec<&str> {
        let Some(Const::List(items)) = self.0.get(name) else {
            return Vec::new();
        };
        let texts = items.iter().filter_map(|item| match item {
            Const::Text(text) => Some(&**text),
            _ => None,
        });
        texts.collect()
    }
}

/// Lists functions in Rust for [`cli::main`](crate::cli::main): `programs![kv_server, kv_client]`.
///
/// ```
/// use simrun::scenario::{Parameters, Programs};
///
/// async fn kv_server(parameters: Parameters) -> Result<(), String> {
///     let port = parameters.int("port").ok_or("which port?")?;
///     # let _ = port;
///     Ok(())
/// }
///
/// async fn kv_client(_: Parameters) {}
///
/// let programs: Programs = simrun::programs![kv_server, kv_client];
/// assert_eq!(format!("{programs:?}"), r#"["kv_server", "kv_client"]"#);
/// ```
#[macro_export]
macro_rules! programs {
    ($($program:ident),* $(,)?) => {
        $crate::scenario::Programs::new()$(.with(::std::stringify!($program), $program))*
    };
}
