//! Subprocesses: what asyncio's and the operating system's rules say of them.

mod basics;
mod deadlocks;
mod families;
mod faults;
mod pipes;
mod protocols;
mod signals;

use futures::io::{AsyncReadExt, AsyncWriteExt, copy};
use simrun::process::{self, Context};

/// Registers a few of the programs that every system has.
fn register_tools() {
    process::register("true", |_| async {});
    process::register("false", |_| async { 1 });
    process::register("cat", |mut context: Context| async move {
        copy(&mut context.stdin, &mut context.stdout)
            .await
            .map(|_| ())
    });
    process::register("echo", |mut context: Context| async move {
        let line = context.args.join(" ") + "\n";
        context.stdout.write_all(line.as_bytes()).await
    });
    process::register("sleep", |context: Context| async move {
        let seconds = context.args.first().map_or(Ok(60), |arg| arg.parse())?;
        simrun::time::sleep(simrun::time::secs(seconds)).await;
        Ok::<_, std::num::ParseIntError>(())
    });
    // Writes as many bytes as it is told to.
    process::register("flood", |mut context: Context| async move {
        let count: usize = context.args[0].parse().unwrap();
        context.stdout.write_all(&vec![b'x'; count]).await
    });
    // Counts what it reads.
    process::register("wc", |mut context: Context| async move {
        let mut all = Vec::new();
        context.stdin.read_to_end(&mut all).await?;
        let line = format!("{}\n", all.len());
        context.stdout.write_all(line.as_bytes()).await
    });
}
