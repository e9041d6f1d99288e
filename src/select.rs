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
    (@poll $order:ident $count:literal $cx:ident; $($future:ident $branch:ident $index:literal),+) => {
        for turn in 0..$count {
            match ($order + turn) % $count {
                $($index => {
                    if let ::std::task::Poll::Ready(value) =
                        ::std::future::Future::poll($future.as_mut(), $cx)
                    {
                        return ::std::task::Poll::Ready($crate::private::Branch::$branch(value));
                    }
                })+
                _ => ::std::unreachable!(),
            }
        }
    };
    (@run $count:literal; $($pattern:pat, $expression:expr, $body:expr, $future:ident $branch:ident $index:literal $hole:tt;)+) => {{
        let winner = {
            $(let mut $future = ::std::pin::pin!(::std::future::IntoFuture::into_future($expression));)+
            let order = $crate::private::order($count);
            ::std::future::poll_fn(|cx| -> ::std::task::Poll<$crate::private::Branch<$($hole),+>> {
                $crate::select!(@poll order $count cx; $($future $branch $index),+);
                ::std::task::Poll::Pending
            })
            .await
        };
        match winner {
            $($crate::private::Branch::$branch($pattern) => $body,)+
            _ => ::std::unreachable!("a select has no branch beyond those written"),
        }
    }};
    ($p0:pat = $e0:expr => $b0:expr, $p1:pat = $e1:expr => $b1:expr $(,)?) => {
        $crate::select!(@run 2; $p0, $e0, $b0, a A 0 _; $p1, $e1, $b1, b B 1 _;)
    };
    ($p0:pat = $e0:expr => $b0:expr, $p1:pat = $e1:expr => $b1:expr, $p2:pat = $e2:expr => $b2:expr $(,)?) => {
        $crate::select!(@run 3; $p0, $e0, $b0, a A 0 _; $p1, $e1, $b1, b B 1 _; $p2, $e2, $b2, c C 2 _;)
    };
    ($p0:pat = $e0:expr => $b0:expr, $p1:pat = $e1:expr => $b1:expr, $p2:pat = $e2:expr => $b2:expr,
     $p3:pat = $e3:expr => $b3:expr $(,)?) => {
        $crate::select!(@run 4; $p0, $e0, $b0, a A 0 _; $p1, $e1, $b1, b B 1 _; $p2, $e2, $b2, c C 2 _;
            $p3, $e3, $b3, d D 3 _;)
    };
    ($p0:pat = $e0:expr => $b0:expr, $p1:pat = $e1:expr => $b1:expr, $p2:pat = $e2:expr => $b2:expr,
     $p3:pat = $e3:expr => $b3:expr, $p4:pat = $e4:expr => $b4:expr $(,)?) => {
        $crate::select!(@run 5; $p0, $e0, $b0, a A 0 _; $p1, $e1, $b1, b B 1 _; $p2, $e2, $b2, c C 2 _;
            $p3, $e3, $b3, d D 3 _; $p4, $e4, $b4, e E 4 _;)
    };
    ($p0:pat = $e0:expr => $b0:expr, $p1:pat = $e1:expr => $b1:expr, $p2:pat = $e2:expr => $b2:expr,
     $p3:pat = $e3:expr => $b3:expr, $p4:pat = $e4:expr => $b4:expr, $p5:pat = $e5:expr => $b5:expr
     $(,)?) => {
        $crate::select!(@run 6; $p0, $e0, $b0, a A 0 _; $p1, $e1, $b1, b B 1 _; $p2, $e2, $b2, c C 2 _;
            $p3, $e3, $b3, d D 3 _; $p4, $e4, $b4, e E 4 _; $p5, $e5, $b5, f F 5 _;)
    };
    ($p0:pat = $e0:expr => $b0:expr, $p1:pat = $e1:expr => $b1:expr, $p2:pat = $e2:expr => $b2:expr,
     $p3:pat = $e3:expr => $b3:expr, $p4:pat = $e4:expr => $b4:expr, $p5:pat = $e5:expr => $b5:expr,
     $p6:pat = $e6:expr => $b6:expr $(,)?) => {
        $crate::select!(@run 7; $p0, $e0, $b0, a A 0 _; $p1, $e1, $b1, b B 1 _; $p2, $e2, $b2, c C 2 _;
            $p3, $e3, $b3, d D 3 _; $p4, $e4, $b4, e E 4 _; $p5, $e5, $b5, f F 5 _; $p6, $e6, $b6, g G 6 _;)
    };
    ($p0:pat = $e0:expr => $b0:expr, $p1:pat = $e1:expr => $b1:expr, $p2:pat = $e2:expr => $b2:expr,
     $p3:pat = $e3:expr => $b3:expr, $p4:pat = $e4:expr => $b4:expr, $p5:pat = $e5:expr => $b5:expr,
     $p6:pat = $e6:expr => $b6:expr, $p7:pat = $e7:expr => $b7:expr $(,)?) => {
        $crate::select!(@run 8; $p0, $e0, $b0, a A 0 _; $p1, $e1, $b1, b B 1 _; $p2, $e2, $b2, c C 2 _;
            $p3, $e3, $b3, d D 3 _; $p4, $e4, $b4, e E 4 _; $p5, $e5, $b5, f F 5 _; $p6, $e6, $b6, g G 6 _;
            $p7, $e7, $b7, h H 7 _;)
    };
}
