//! Selecting: the first of several to be ready.

/// What came first.
#[derive(Debug)]
pub enum Branch<A, B, C = (), D = (), E = (), F = (), G = (), H = ()> {
    /// Branch A.
    A(A),
    /// Branch B.
    B(B),
    /// Branch C.
    C(C),
    /// Branch D.
    D(D),
    /// Branch E.
    E(E),
    /// Branch F.
    F(F),
    /// Branch G.
    G(G),
    /// Branch H.
    H(H),
    /// No branch: it keeps a match on the others from being complete.
    None(std::convert::Infallible),
}

/// Decides which of `branches` is looked at first.
#[track_caller]
pub fn order(branches: u64) -> usize {
    crate::chance::decide("select", branches, |stream| stream.below(branches)) as usize
}

/// Waits for the first of several futures, two to eight, and drops the others.
///
/// If more than one is ready, the one that is looked at first wins, and which one that is, is a
/// decision of the run's plan: the same seed looks in the same order, and other seeds look in
/// others. Do not use `futures::select!` or `tokio::select!` in a simulation: they look in an order
/// drawn from a generator that no seed controls. `futures::select_biased!`, which always looks in
/// the order of writing, is safe.
///
/// ```
/// use simrun::time::{secs, sleep};
///
/// # simrun::run(async {
/// let winner = simrun::select! {
///     () = sleep(secs(2)) => "slow",
///     () = sleep(secs(1)) => "fast",
/// };
/// assert_eq!(winner, "fast");
/// # });
/// ```
#[macro_export]
macro_rules! select {
    // Gives each branch a name, a variant and a number, one at a time.
    (@name [$($named:tt)*] [$name:ident $variant:ident $index:literal $($names:tt)*]
        $pattern:pat = $future:expr => $body:expr, $($rest:tt)+) => {
        $crate::select!(@name
            [$($named)* ($name $variant $index _, $pattern, $future, $body)] [$($names)*] $($rest)+)
    };
    (@name [$($named:tt)*] [$name:ident $variant:ident $index:literal $($names:tt)*]
        $pattern:pat = $future:expr => $body:expr $(,)?) => {
        $crate::select!(@run
            [$($named)* ($name $variant $index _, $pattern, $future, $body)])
    };
    (@run [$(($name:ident $variant:ident $index:literal $hole:tt,
        $pattern:pat, $future:expr, $body:expr))+]) => {{
        let winner = {
            $(let mut $name = ::std::pin::pin!(::std::future::IntoFuture::into_future($future));)+
            const BRANCHES: usize = [$($index),+].len();
            let first = $crate::private::order(BRANCHES as u64);
            ::std::future::poll_fn(|cx| -> ::std::task::Poll<$crate::private::Branch<$($hole),+>> {
                for turn in 0..BRANCHES {
                    match (first + turn) % BRANCHES {
                        $($index => if let ::std::task::Poll::Ready(value) =
                            ::std::future::Future::poll($name.as_mut(), cx)
                        {
                            return ::std::task::Poll::Ready(
                                $crate::private::Branch::$variant(value)
                            );
                        },)+
                        _ => ::std::unreachable!(),
                    }
                }
                ::std::task::Poll::Pending
            })
            .await
        };
        match winner {
            $($crate::private::Branch::$variant($pattern) => $body,)+
            _ => ::std::unreachable!("a select has no branch beyond those written"),
        }
    }};
    ($pattern:pat = $($branches:tt)+) => {
        $crate::select!(@name [] [a A 0 b B 1 c C 2 d D 3 e E 4 f F 5 g G 6 h H 7]
            $pattern = $($branches)+)
    };
}
