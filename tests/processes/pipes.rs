//! Pipes: pipelines, back-pressure, the end of the data, and talking to a child.

use std::io::ErrorKind;

use futures::io::{AsyncReadExt, AsyncWriteExt};
use simrun::process::{self, Command, Context, PIPE_BUF, PIPE_CAPACITY, Stdio};
use simrun::time::{millis, now, secs, sleep, timeout};
use simrun::{Sim, Strategy, gather, spawn, task};

use super::register_tools;

#[test]
fn a_pipeline_of_three_carries_more_than_its_pipes_hold() {
    simrun::run(async {
        register_tools();
        let mut flood = Command::new("flood");
        let mut flood = flood.arg("1000000").stdout(Stdio::piped()).spawn().unwrap();
        let mut cat = Command::new("cat")
            .stdin(flood.stdout.take().unwrap())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let count = Command::new("wc")
            .stdin(cat.stdout.take().unwrap())
            .output();
        assert_eq!(count.await.unwrap().stdout, b"1000000\n");
        assert!(cat.wait().await.unwrap().success());
        assert!(flood.wait().await.unwrap().success());
    });
}

#[test]
fn the_first_of_a_pipeline_hears_that_the_last_has_gone() {
    simrun::run(async {
        register_tools();
        let mut flood = Command::new("flood");
        flood
            .arg("1000000")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = flood.spawn().unwrap();
        let gone = Command::new("true")
            .stdin(child.stdout.take().unwrap())
            .status();
        assert!(gone.await.unwrap().success());
        let output = child.wait_with_output().await.unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(
            output
                .stderr
                .starts_with(b"Error: Custom { kind: BrokenPipe")
        );
    });
}

#[test]
fn a_writer_waits_until_there_is_room() {
    simrun::run(async {
        let (mut reader, mut writer) = process::pipe().unwrap();
        writer.write_all(&vec![0; PIPE_CAPACITY]).await.unwrap();
        assert!(
            timeout(secs(1), writer.write(&[1])).await.is_err(),
            "it is full"
        );
        let late = spawn(async move {
            writer.write_all(&[2]).await.unwrap();
            now().since_start()
        });
        sleep(secs(1)).await;
        let mut buffer = vec![0; PIPE_CAPACITY];
        reader.read_exact(&mut buffer[..1]).await.unwrap();
        assert_eq!(late.await.unwrap(), secs(2));
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).await.unwrap();
        assert_eq!(
            rest.len(),
            PIPE_CAPACITY,
            "what was cancelled was not written"
        );
        assert_eq!(rest.last(), Some(&2));
    });
}

#[test]
fn few_bytes_are_written_as_one_and_many_in_parts() {
    simrun::run(async {
        let (mut reader, mut writer) = process::pipe_with_capacity(PIPE_BUF + 10).unwrap();
        assert_eq!(writer.write(&[0; 20]).await.unwrap(), 20);
        let whole = timeout(secs(1), writer.write(&[1; PIPE_BUF])).await;
        assert!(whole.is_err(), "there is room only for a part");
        assert_eq!(
            writer.write(&[2; PIPE_BUF + 1]).await.unwrap(),
            PIPE_BUF - 10
        );
        reader.read_exact(&mut [0; 20]).await.unwrap();
        assert_eq!(writer.write(&[3; 20]).await.unwrap(), 20);
    });
}

/// Two write records of the size that is written as one; none is mixed with another.
#[test]
fn records_of_two_writers_are_never_mixed() {
    for seed in 0..50 {
        let sim = Sim::new().seed(seed).strategy(Strategy::random());
        let run = sim.run(|| async {
            let (mut reader, writer) = process::pipe_with_capacity(PIPE_BUF + 7).unwrap();
            let writers = (1..=2_u8).map(|number| {
                let mut writer = writer.clone();
                spawn(async move {
                    for _ in 0..5 {
                        assert_eq!(writer.write(&[number; 1_000]).await.unwrap(), 1_000);
                    }
                })
            });
            let writers: Vec<_> = writers.collect();
            drop(writer);
            let mut all = Vec::new();
            reader.read_to_end(&mut all).await.unwrap();
            gather(writers).await.unwrap();
            assert_eq!(all.len(), 10_000);
            let whole = all
                .chunks(1_000)
                .all(|record| record.iter().all(|b| *b == record[0]));
            assert!(whole, "a record was torn");
        });
        run.unwrap();
    }
}

#[test]
fn the_data_end_when_the_last_writing_end_is_gone() {
    simrun::run(async {
        let (mut reader, mut writer) = process::pipe().unwrap();
        let other = writer.clone();
        writer.write_all(b"a").await.unwrap();
        writer.close().await.unwrap();
        let closed = writer.write(b"b").await.unwrap_err();
        assert_eq!(closed.kind(), ErrorKind::BrokenPipe);
        spawn(async move {
            sleep(secs(1)).await;
            drop(other);
        })
        .detach();
        let mut text = String::new();
        reader.read_to_string(&mut text).await.unwrap();
        assert_eq!((text.as_str(), now().since_start()), ("a", secs(1)));
        assert_eq!(reader.read(&mut [0]).await.unwrap(), 0, "and it stays so");
    });
}

#[test]
fn a_writer_that_waits_hears_that_nobody_reads_any_more() {
    simrun::run(async {
        let (reader, mut writer) = process::pipe_with_capacity(1).unwrap();
        let waits = spawn(async move { writer.write_all(b"ab").await });
        task::yield_now().await;
        drop(reader);
        let error = waits.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_command_keeps_its_pipe_end_and_so_the_data_do_not_end() {
    let run = Sim::new().run(|| async {
        register_tools();
        let (mut reader, writer) = process::pipe().unwrap();
        let mut echo = Command::new("echo");
        echo.arg("hello").stdout(writer);
        assert!(echo.status().await.unwrap().success());
        let mut text = String::new();
        reader.read_to_string(&mut text).await.unwrap();
        drop(echo);
    });
    let failure = run.failure().unwrap();
    let blocked = &failure.deadlock().unwrap().blocked()[0];
    assert_eq!(blocked.held_by, ["main"], "{failure}");
}

#[test]
fn a_line_is_read_as_futures_io_reads_it() {
    use futures::io::{AsyncBufReadExt, BufReader};
    simrun::run(async {
        register_tools();
        let mut cat = Command::new("cat");
        let mut cat = cat
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(cat.stdout.take().unwrap());
        for line in ["one\n", "two\n"] {
            cat.stdin
                .as_mut()
                .unwrap()
                .write_all(line.as_bytes())
                .await
                .unwrap();
            let mut read = String::new();
            lines.read_line(&mut read).await.unwrap();
            assert_eq!(read, line);
        }
        assert!(cat.wait().await.unwrap().success(), "wait closes its stdin");
    });
}

#[test]
fn communicate_feeds_reads_both_and_waits() {
    simrun::run(async {
        process::register("both", |mut context: Context| async move {
            let mut all = Vec::new();
            context.stdin.read_to_end(&mut all).await?;
            // Neither pipe could hold it: they are read side by side.
            context.stderr.write_all(&all).await?;
            context.stdout.write_all(&all).await?;
            sleep(secs(1)).await;
            std::io::Result::Ok(3)
        });
        let mut both = Command::new("both");
        both.stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut both = both.spawn().unwrap();
        let input = vec![7; 3 * PIPE_CAPACITY];
        let (out, err) = both.communicate(&input).await.unwrap();
        assert_eq!(out.as_ref(), Some(&input));
        assert_eq!(err.as_ref(), Some(&input));
        assert_eq!(both.try_wait().unwrap().unwrap().code(), Some(3));
        assert_eq!(now().since_start(), secs(1));
    });
}

#[test]
fn communicate_ignores_a_broken_pipe() {
    simrun::run(async {
        register_tools();
        let mut child = Command::new("true");
        let mut child = child
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = vec![0; 10 * PIPE_CAPACITY];
        let (out, err) = child.communicate(&input).await.unwrap();
        assert_eq!((out, err), (Some(Vec::new()), None));
    });
}

#[test]
fn communicate_without_a_pipe_for_the_input_is_an_error() {
    simrun::run(async {
        register_tools();
        let mut child = Command::new("cat").spawn().unwrap();
        let error = child.communicate(b"hello").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(child.communicate(b"").await.unwrap(), (None, None));
    });
}

#[test]
fn communicate_that_was_cancelled_goes_on_where_it_was() {
    simrun::run(async {
        process::register("slow cat", |mut context: Context| async move {
            let mut chunk = vec![0; 10_000];
            loop {
                let count = context.stdin.read(&mut chunk).await?;
                if count == 0 {
                    return std::io::Result::Ok(());
                }
                sleep(millis(100)).await;
                context.stdout.write_all(&chunk[..count]).await?;
            }
        });
        let mut cat = Command::new("slow cat");
        let mut cat = cat
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input: Vec<u8> = (0..200_000_u32).map(|n| (n / 7) as u8).collect();
        let mut cuts = 0;
        let (out, _) = loop {
            match timeout(millis(750), cat.communicate(&input)).await {
                Ok(done) => break done.unwrap(),
                Err(_) => cuts += 1,
            }
        };
        assert!(cuts > 1, "it was cancelled {cuts} times");
        assert!(out.as_ref() == Some(&input), "nothing was lost");
    });
}

#[test]
fn a_read_that_is_dropped_has_read_nothing() {
    simrun::run(async {
        let (mut reader, mut writer) = process::pipe().unwrap();
        let mut buffer = [0; 8];
        for _ in 0..3 {
            let read = timeout(secs(1), reader.read(&mut buffer)).await;
            assert!(read.is_err());
        }
        let reading = spawn(async move {
            let read = task::cancellable(reader.read(&mut [0; 8])).await;
            assert!(read.is_err());
            let mut text = String::new();
            reader.read_to_string(&mut text).await.unwrap();
            text
        });
        task::yield_now().await;
        reading.cancel();
        writer.write_all(b"after all").await.unwrap();
        drop(writer);
        assert_eq!(reading.await.unwrap(), "after all");
    });
}

#[test]
fn a_small_write_need_not_wait_for_the_room_that_a_dropped_one_wanted() {
    simrun::run(async {
        let (_reader, mut writer) = process::pipe_with_capacity(PIPE_BUF).unwrap();
        writer.write_all(&[0; 10]).await.unwrap();
        let large = [1; PIPE_BUF];
        assert!(futures::poll!(std::pin::pin!(writer.write(&large))).is_pending());
        assert_eq!(writer.write(&[2; 5]).await.unwrap(), 5);
    });
}
