//! A connection from a pool has to come back, whatever becomes of the task that has it: it is
//! cancelled here at each of its awaits in turn.
//!
//! ```sh
//! cargo run --example cancellation     # finds the await at which a connection is lost
//! cargo test --example cancellation    # tests the client that loses none
//! ```

use std::sync::Arc;

use simrun::explore::Explorer;
use simrun::sync::Queue;
use simrun::task::{self, cancellable};
use simrun::{Strategy, spawn};

type Pool = Arc<Queue<Connection>>;

/// A connection, which takes time to be used and to be brought back into order.
struct Connection;

impl Connection {
    async fn query(&mut self) {
        task::yield_now().await;
        task::yield_now().await;
    }

    async fn reset(&mut self) {
        task::yield_now().await;
    }
}

/// Gives the connection back if nothing comes in between.
async fn careless_query(pool: Pool) {
    let mut connection = pool.get().await.unwrap();
    connection.query().await;
    connection.reset().await;
    pool.put_nowait(connection).unwrap();
}

/// Gives the connection back, then passes the cancellation on. What happens in a region can be
/// cancelled; what happens after it is only interrupted by another request.
async fn careful_query(pool: Pool) {
    let mut connection = pool.get().await.unwrap();
    let queried = cancellable(connection.query()).await;
    let is_in_order = queried.is_ok() && cancellable(connection.reset()).await.is_ok();
    let connection = if is_in_order { connection } else { Connection };
    pool.put_nowait(connection).unwrap();
    if let Err(cancelled) = queried {
        cancelled.raise().await
    }
}

/// Runs two queries, then counts connections.
async fn queries<F: Future<Output = ()> + 'static>(query: fn(Pool) -> F) {
    let pool = Pool::new(Queue::unbounded());
    for _ in 0..2 {
        pool.put_nowait(Connection).unwrap();
    }
    let tasks = [1, 2].map(|number| spawn(query(pool.clone())).name(format!("query {number}")));
    for task in tasks {
        // A query that was cancelled is no reason to lose a connection.
        let _ = task.await;
    }
    assert_eq!(pool.len(), 2, "a connection is lost");
}

fn sweep() -> Explorer {
    let explorer = Explorer::new().runs(50);
    explorer.strategy(Strategy::cancel_sweep())
}

fn main() {
    println!("{}", sweep().explore(|| queries(careless_query)));
    println!("{}", sweep().explore(|| queries(careful_query)));
}

#[simrun::test(config = sweep())]
async fn no_connection_is_lost() {
    queries(careful_query).await;
}

#[simrun::test(config = sweep().without_regressions())]
#[should_panic(expected = "a connection is lost")]
async fn the_careless_client_loses_one() {
    queries(careless_query).await;
}
