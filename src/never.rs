//! The type of what never returns, which has no stable name but as a function's output.

pub(crate) type Never = <fn() -> ! as Gives>::Output;

pub trait Gives {
    type Output;
}

impl<T> Gives for fn() -> T {
    type Output = T;
}
