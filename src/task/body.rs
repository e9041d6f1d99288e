//! What the loop's table keeps of a task: the future while it runs, then its value.

use std::any::Any;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::error::TaskError;
use crate::event_loop::table::Body;

pin_project! {
    /// A future whose output, whatever it is, is the task's value.
    #[project = PlainProjected]
    pub(crate) enum Plain<F: Future> {
        Future { #[pin] future: F },
        Value { value: Option<F::Output> },
    }
}

impl<F: Future> Body for Plain<F>
where
    F::Output: 'static,
{
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), TaskError>> {
        let PlainProjected::Future { future } = self.as_mut().project() else {
            return Poll::Ready(Ok(()));
        };
        match future.poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(value) => {
                self.set(Plain::Value { value: Some(value) });
                Poll::Ready(Ok(()))
            }
        }
    }

    fn value(self: Pin<&mut Self>) -> Option<&mut dyn Any> {
        match self.project() {
            PlainProjected::Future { .. } => None,
            PlainProjected::Value { value } => Some(value),
        }
    }
}

pin_project! {
    /// A future whose `Err` is the task's failure.
    #[project = FallibleProjected]
    pub(crate) enum Fallible<F, T> {
        Future { #[pin] future: F },
        Value { value: Option<T> },
    }
}

impl<F, T: 'static, E> Body for Fallible<F, T>
where
    F: Future<Output = Result<T, E>>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), TaskError>> {
        let FallibleProjected::Future { future } = self.as_mut().project() else {
            return Poll::Ready(Ok(()));
        };
        match future.poll(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(value)) => {
                self.set(Fallible::Value { value: Some(value) });
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(TaskError::new(error))),
        }
    }

    fn value(self: Pin<&mut Self>) -> Option<&mut dyn Any> {
        match self.project() {
            FallibleProjected::Future { .. } => None,
            FallibleProjected::Value { value } => Some(value),
        }
    }
}

/// A value that someone has set.
pub(crate) struct Given<T>(pub(crate) Option<T>);

impl<T> Unpin for Given<T> {}

impl<T: 'static> Body for Given<T> {
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), TaskError>> {
        Poll::Ready(Ok(()))
    }

    fn value(self: Pin<&mut Self>) -> Option<&mut dyn Any> {
        Some(&mut self.get_mut().0)
    }
}
