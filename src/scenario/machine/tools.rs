//! Steps about the tools of tier 6, and the doors to all other families of steps.

use super::eval::wrong;
use super::frame::{Frame, received};
use super::objects::{Lockable, Object, Queue};
use super::thing::{Named, Thing};
use crate::scenario::tree::{Act, ErrorName, Expr, Step};
use crate::scenario::value::{Error, Value};
use crate::sync::Condition;

/// Asks a value for the object that it is, or says what is needed.
macro_rules! object {
    ($frame:ident, $expr:expr, $value:ident, $pattern:pat => $found:expr, $needed:literal) => {
        match named(&$value) {
            Some(Named {
                object: $pattern, ..
            }) => $found,
            _ => return Err(wrong($expr, $needed, &$value)),
        }
    };
}

fn named(value: &Value) -> Option<&Named> {
    match value {
        Value::Thing(Thing::Object(named)) => Some(named),
        _ => None,
    }
}

impl Frame {
    /// Runs a step that never waits.
    pub(super) fn at_once(&self, step: &Step) -> Result<Value, Error> {
        match &step.act {
            Act::Log(words) => self.log(step, words),
            Act::Value(expr) => self.value(expr),
            _ => match self.task_at_once(step) {
                Some(result) => result,
                None => match self.tool_at_once(step) {
                    Some(result) => result,
                    None => self.world_at_once(step),
                },
            },
        }
    }

    fn log(&self, step: &Step, words: &[Expr]) -> Result<Value, Error> {
        let words: Result<Vec<String>, Error> = words
            .iter()
            .map(|word| self.value(word).map(|word| word.to_string()))
            .collect();
        let text = words?.join(" ");
        self.machine.log(self, step.span, text);
        Ok(Value::None)
    }

    fn tool_at_once(&self, step: &Step) -> Option<Result<Value, Error>> {
        Some(match &step.act {
            Act::Release(expr) => self.release(expr),
            Act::Set { what, value } => self.set(what, value.as_ref()),
            Act::FailFuture { future, error } => self.fail_future(future, error),
            Act::Clear(expr) => self.clear(expr),
            Act::Notify { condition, count } => self.notify(condition, Some(count.as_ref())),
            Act::NotifyAll(condition) => self.notify(condition, None),
            Act::PutNow { queue, item } => self
                .with_queue(queue, |found| found.put_now(self.value(item)?))
                .map(Value::from),
            Act::GetNow(queue) => self.with_queue(queue, Queue::get_now),
            Act::Done(queue) => self.with_queue(queue, Queue::task_done).map(Value::from),
            Act::ShutDown { queue, now } => self
                .with_queue(queue, |queue| {
                    queue.shut_down(*now);
                    Ok(())
                })
                .map(Value::from),
            _ => return None,
        })
    }

    fn with_queue<R>(
        &self,
        expr: &Expr,
        act: impl FnOnce(&Queue) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let value = self.value(expr)?;
        act(object!(self, expr, value, Object::Queue(queue) => queue, "a queue"))
    }

    fn release(&self, expr: &Expr) -> Result<Value, Error> {
        let value = self.value(expr)?;
        let lockable = object!(self, expr, value, Object::Lockable(lockable) => lockable,
            "a lock, a condition or a semaphore");
        lockable.release().map(Value::from)
    }

    fn set(&self, expr: &Expr, item: Option<&Expr>) -> Result<Value, Error> {
        let value = self.value(expr)?;
        match named(&value).map(|named| &named.object) {
            Some(Object::Event(event)) => {
                event.set();
                Ok(Value::None)
            }
            Some(Object::Future(promise)) => {
                let item = item.map_or(Ok(Value::None), |item| self.value(item))?;
                let set = promise.set(item);
                set.map(Value::from)
                    .map_err(|_| Error::with(ErrorName::InvalidState, "the future is done"))
            }
            _ => Err(wrong(expr, "an event or a future", &value)),
        }
    }

    fn fail_future(&self, expr: &Expr, error: &ErrorName) -> Result<Value, Error> {
        let value = self.value(expr)?;
        let promise = object!(self, expr, value, Object::Future(promise) => promise, "a future");
        let failed = promise.fail(Error::new(error.clone()).at(expr.span));
        failed
            .map(Value::from)
            .map_err(|_| Error::with(ErrorName::InvalidState, "the future is done"))
    }

    fn clear(&self, expr: &Expr) -> Result<Value, Error> {
        let value = self.value(expr)?;
        object!(self, expr, value, Object::Event(event) => event, "an event").clear();
        Ok(Value::None)
    }

    /// Wakes some of those that wait for a condition, or (without a count) all.
    fn notify(&self, expr: &Expr, count: Option<Option<&Expr>>) -> Result<Value, Error> {
        let value = self.value(expr)?;
        let condition = condition(expr, &value)?;
        let notified = match count {
            None => condition.notify_all(),
            Some(count) => {
                let count = count.map_or(Ok(1), |count| self.count(count))?;
                condition.notify(usize::try_from(count).unwrap_or(usize::MAX))
            }
        };
        notified
            .map(Value::from)
            .map_err(|_| Error::with(ErrorName::Misuse, "the condition is not locked"))
    }

    /// Runs a step that may wait.
    pub(super) async fn waiting(&self, step: &Step) -> Result<Value, Error> {
        if let Some(result) = self.task_waiting(step).await {
            return result;
        }
        match self.tool_waiting(step).await {
            Some(result) => result,
            None => self.world_waiting(step).await,
        }
    }

    async fn tool_waiting(&self, step: &Step) -> Option<Result<Value, Error>> {
        Some(match &step.act {
            Act::Acquire(expr) => self.acquire(expr).await,
            Act::Wait {
                what,
                until: None,
                within: None,
            } if what.len() == 1 => return self.wait_for_object(&what[0]).await.transpose(),
            Act::WaitUntil { condition, holds } => self.wait_until(condition, holds).await,
            Act::Put { queue, item } => self.put(queue, item).await,
            Act::Get(expr) => self.get(expr).await,
            Act::Join(expr) => self.join(expr).await,
            Act::Reset(expr) => self.reset(expr).await,
            Act::Abort(expr) => return self.abort(expr).await.transpose(),
            _ => return None,
        })
    }

    async fn acquire(&self, expr: &Expr) -> Result<Value, Error> {
        let value = self.value(expr)?;
        let lockable = object!(self, expr, value, Object::Lockable(lockable) => lockable,
            "a lock, a condition or a semaphore");
        received(lockable.acquire()).await?;
        Ok(true.into())
    }

    /// Waits for an event, a condition or a barrier; `None` if it is something else.
    async fn wait_for_object(&self, expr: &Expr) -> Result<Option<Value>, Error> {
        let value = self.value(expr)?;
        let Some(named) = named(&value) else {
            return Ok(None);
        };
        Ok(Some(match &named.object {
            Object::Event(event) => {
                received(event.wait()).await?;
                true.into()
            }
            Object::Lockable(Lockable::Condition(condition)) => {
                let waited = received(condition.wait()).await?;
                waited.map_err(|_| unlocked())?;
                true.into()
            }
            Object::Barrier(barrier) => {
                let place = received(barrier.wait()).await?;
                place.map_err(|_| Error::new(ErrorName::Broken))?.into()
            }
            _ => {
                let needed = "an event, a condition, a barrier or a task";
                return Err(wrong(expr, needed, &value));
            }
        }))
    }

    async fn wait_until(&self, expr: &Expr, holds: &Expr) -> Result<Value, Error> {
        let value = self.value(expr)?;
        let condition = condition(expr, &value)?;
        let mut error = None;
        let enough = || match self.truth(holds) {
            Ok(enough) => enough,
            Err(unfit) => {
                error = Some(unfit);
                true
            }
        };
        let waited = received(condition.wait_for(enough)).await?;
        match error {
            Some(error) => Err(error),
            None => waited.map(|()| true.into()).map_err(|_| unlocked()),
        }
    }

    async fn put(&self, queue: &Expr, item: &Expr) -> Result<Value, Error> {
        let value = self.value(queue)?;
        let item = self.value(item)?;
        let found = object!(self, queue, value, Object::Queue(queue) => queue, "a queue");
        received(found.put(item)).await?.map(Value::from)
    }

    async fn get(&self, expr: &Expr) -> Result<Value, Error> {
        let value = self.value(expr)?;
        let queue = object!(self, expr, value, Object::Queue(queue) => queue, "a queue");
        received(queue.get()).await?
    }

    async fn join(&self, expr: &Expr) -> Result<Value, Error> {
        let value = self.value(expr)?;
        let queue = object!(self, expr, value, Object::Queue(queue) => queue, "a queue");
        received(queue.join()).await.map(Value::from)
    }

    async fn reset(&self, expr: &Expr) -> Result<Value, Error> {
        let value = self.value(expr)?;
        let barrier = object!(self, expr, value, Object::Barrier(barrier) => barrier, "a barrier");
        received(barrier.reset()).await.map(Value::from)
    }

    /// Breaks a barrier; `None` if it is something else.
    async fn abort(&self, expr: &Expr) -> Result<Option<Value>, Error> {
        let value = self.value(expr)?;
        match named(&value).map(|named| &named.object) {
            Some(Object::Barrier(barrier)) => {
                received(barrier.abort()).await?;
                Ok(Some(Value::None))
            }
            Some(_) => Err(wrong(expr, "a barrier or a connection", &value)),
            None => Ok(None),
        }
    }
}

fn unlocked() -> Error {
    Error::with(ErrorName::Misuse, "the condition is not locked")
}

fn condition<'a>(expr: &Expr, value: &'a Value) -> Result<&'a Condition, Error> {
    match named(value).map(|named| &named.object) {
        Some(Object::Lockable(Lockable::Condition(condition))) => Ok(condition),
        _ => Err(wrong(expr, "a condition", value)),
    }
}
