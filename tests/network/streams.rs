//! Streams: reading and writing on top of transports, with asyncio's limits and errors.

use std::cell::RefCell;
use std::io::ErrorKind;
use std::rc::Rc;
use std::sync::Arc;

use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use simrun::net::{
    ConnectOptions, IncompleteRead, ReadError, Server, StreamReader, StreamWriter, TcpListener,
    TcpStream, open_connection, open_connection_with, start_server,
};
use simrun::time::{millis, sleep};
use simrun::{Sim, event_loop, host, spawn, task};

use crate::diary::{Log, kind, reports, settle, show};

/// The ends of a connection; the other one is a plain stream.
struct Ends {
    reader: StreamReader,
    writer: StreamWriter,
    other: TcpStream,
}

impl Ends {
    async fn new() -> Self {
        Self::with_limit(64 << 10).await
    }

    async fn with_limit(limit: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:80").await.unwrap();
        let options = ConnectOptions::new().limit(limit);
        let (reader, writer) = open_connection_with(options, "127.0.0.1:80").await.unwrap();
        let (other, _) = listener.accept().await.unwrap();
        Self {
            reader,
            writer,
            other,
        }
    }

    /// Has the other end send this, and waits until it is there.
    async fn receive(&mut self, data: &[u8]) {
        self.other.write_all(data).await.unwrap();
        settle().await;
    }

    /// Has the other end send this and then the end.
    async fn receive_last(&mut self, data: &[u8]) {
        self.receive(data).await;
        self.other.close().await.unwrap();
        settle().await;
    }
}

/// Returns what was missing.
fn incomplete<T: std::fmt::Debug>(read: Result<T, ReadError>) -> IncompleteRead {
    match read.unwrap_err() {
        ReadError::Incomplete(incomplete) => incomplete,
        error => panic!("{error}"),
    }
}

fn overrun<T: std::fmt::Debug>(read: Result<T, ReadError>) -> usize {
    match read.unwrap_err() {
        ReadError::Overrun(overrun) => overrun.consumed,
        error => panic!("{error}"),
    }
}

/// 18.1
#[test]
fn a_read_gives_what_there_is_and_waits_only_for_the_first_of_it() {
    simrun::run(async {
        let mut ends = Ends::new().await;
        ends.receive(b"hello world").await;
        let reader = &mut ends.reader;
        assert_eq!(reader.read(5).await.unwrap(), b"hello");
        assert_eq!(reader.read(0).await.unwrap(), b"");
        assert_eq!(reader.read(100).await.unwrap(), b" world");
        ends.receive_last(b"the rest").await;
        let reader = &mut ends.reader;
        assert!(!reader.at_eof());
        assert_eq!(reader.read_to_end().await.unwrap(), b"the rest");
        assert!(reader.at_eof());
        assert_eq!(reader.read(5).await.unwrap(), b"");
        assert_eq!(reader.read_to_end().await.unwrap(), b"");
    });
}

/// 18.1
#[test]
fn readexactly_gives_all_or_says_what_there_was() {
    simrun::run(async {
        let mut ends = Ends::new().await;
        ends.receive(b"123").await;
        let reads = spawn(async move {
            let all = ends.reader.readexactly(5).await;
            (ends, all)
        });
        settle().await;
        assert!(!reads.is_done());
        reads.cancel();
        // A negative number, which asyncio refuses, cannot be written down.
        let mut ends = Ends::new_after(reads).await;
        ends.receive(b"12345").await;
        assert_eq!(ends.reader.readexactly(3).await.unwrap(), b"123");
        assert_eq!(ends.reader.readexactly(0).await.unwrap(), b"");
        ends.receive_last(b"6").await;
        let missing = incomplete(ends.reader.readexactly(10).await);
        assert_eq!(missing.partial, b"456");
        assert_eq!(missing.expected, Some(10));
        assert!(ends.reader.at_eof());
    });
}

impl Ends {
    /// Makes a connection when another one is over.
    async fn new_after<T: 'static>(before: simrun::task::Task<T>) -> Self {
        assert!(before.await.is_err());
        settle().await;
        Self::new().await
    }
}

/// 18.2
#[test]
fn readuntil_gives_the_separator_too_and_says_what_there_was_without_one() {
    simrun::run(async {
        let mut ends = Ends::new().await;
        ends.receive(b"one--two-").await;
        assert_eq!(ends.reader.readuntil(b"--").await.unwrap(), b"one--");
        ends.receive_last(b"-three").await;
        assert_eq!(ends.reader.readuntil(b"--").await.unwrap(), b"two--");
        let missing = incomplete(ends.reader.readuntil(b"--").await);
        assert_eq!(
            (missing.partial.as_slice(), missing.expected),
            (&b"three"[..], None)
        );
    });
}

/// 18.2
#[test]
fn more_than_the_limit_before_a_separator_stays_in_the_buffer() {
    simrun::run(async {
        let mut ends = Ends::with_limit(5).await;
        ends.receive(b"123456;").await;
        assert_eq!(overrun(ends.reader.readuntil(b";").await), 6);
        assert_eq!(ends.reader.readexactly(7).await.unwrap(), b"123456;");
        // Without a separator, what cannot be the beginning of one is too much.
        ends.receive(b"1234567").await;
        assert_eq!(overrun(ends.reader.readuntil(b";;").await), 6);
        assert_eq!(ends.reader.read(100).await.unwrap(), b"1234567");
    });
}

/// 18.2
#[test]
fn of_several_separators_the_one_counts_that_ends_first() {
    simrun::run(async {
        let mut ends = Ends::new().await;
        ends.receive(b"one\r\ntwo\nthree").await;
        let reader = &mut ends.reader;
        let either = [b"\r\n".as_slice(), b"\n"];
        assert_eq!(reader.readuntil(either).await.unwrap(), b"one\r\n");
        assert_eq!(reader.readuntil(either).await.unwrap(), b"two\n");
        let nested = [b"three".as_slice(), b"hre"];
        assert_eq!(reader.readuntil(nested).await.unwrap(), b"thre");
    });
}

/// 18.2
#[test]
#[should_panic(expected = "a separator has at least one byte")]
fn a_separator_is_not_empty() {
    simrun::run(async {
        let _ = Ends::new().await.reader.readuntil(b"").await;
    });
}

/// 18.3
#[test]
fn readline_gives_what_is_left_at_the_end_and_discards_a_line_that_is_too_long() {
    simrun::run(async {
        let mut ends = Ends::with_limit(5).await;
        ends.receive(b"1234567\nok\n").await;
        assert_eq!(overrun(ends.reader.readline().await), 7);
        assert_eq!(ends.reader.readline().await.unwrap(), b"ok\n");
        ends.receive(b"1234567").await;
        // Its end has not come: all there is of it goes.
        assert_eq!(overrun(ends.reader.readline().await), 7);
        ends.receive_last(b"89\nend").await;
        assert_eq!(ends.reader.readline().await.unwrap(), b"89\n");
        assert_eq!(ends.reader.readline().await.unwrap(), b"end");
        assert_eq!(ends.reader.readline().await.unwrap(), b"");
    });
}

/// 18.4
#[test]
fn as_many_bytes_as_the_limit_before_a_separator_are_fine() {
    simrun::run(async {
        let mut ends = Ends::with_limit(5).await;
        ends.receive(b"12345\n").await;
        assert_eq!(ends.reader.readline().await.unwrap(), b"12345\n");
        ends.receive(b"12345").await;
        ends.receive(b"\n").await;
        assert_eq!(ends.reader.readuntil(b"\n").await.unwrap(), b"12345\n");
    });
}

/// 18.5
#[test]
fn a_reader_pauses_above_twice_its_limit_and_resumes_at_its_limit_or_when_it_waits() {
    simrun::run(async {
        let mut ends = Ends::with_limit(5).await;
        let transport = ends.reader.transport().clone();
        ends.receive(b"1234567890").await;
        assert!(transport.is_reading(), "equal is not above");
        ends.receive(b"!").await;
        assert!(!transport.is_reading());
        ends.receive(b"later").await;
        assert_eq!(ends.reader.read(5).await.unwrap(), b"12345");
        assert!(!transport.is_reading(), "six are left");
        assert_eq!(ends.reader.read(1).await.unwrap(), b"6");
        assert!(transport.is_reading());
        settle().await;
        assert_eq!(ends.reader.read(100).await.unwrap(), b"7890!later");
        ends.receive(b"12345678901").await;
        assert!(!transport.is_reading());
        ends.receive(b"2").await;
        assert_eq!(ends.reader.readexactly(12).await.unwrap(), b"123456789012");
        assert!(transport.is_reading());
    });
}

/// 18.6
#[test]
fn a_read_that_is_cancelled_leaves_what_there_is_to_the_next() {
    simrun::run(async {
        let mut ends = Ends::new().await;
        ends.receive(b"123").await;
        let mut reader = ends.reader;
        let reads = spawn(async move {
            assert!(task::cancellable(reader.readexactly(5)).await.is_err());
            reader.read(100).await.unwrap()
        });
        task::yield_now().await;
        reads.cancel();
        assert_eq!(reads.await.unwrap(), b"123");
    });
}

/// 18.7
#[test]
fn an_error_wakes_the_reader_and_comes_before_what_is_buffered() {
    simrun::run(async {
        let Ends {
            mut reader,
            writer,
            other,
        } = Ends::new().await;
        let reads = spawn(async move {
            let first = reader.read(100).await;
            (reader, first)
        });
        settle().await;
        other.abort();
        let (mut reader, first) = reads.await.unwrap();
        drop(writer);
        assert_eq!(first.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(
            reader.read(100).await.unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
    });
    simrun::run(async {
        let mut ends = Ends::new().await;
        ends.receive(b"buffered").await;
        ends.other.abort();
        settle().await;
        let mut reader = ends.reader;
        assert_eq!(
            reader.read(1).await.unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
        let line = reader.readline().await.unwrap_err();
        assert!(matches!(line, ReadError::Connection(_)));
        assert!(reader.readexactly(1).await.is_err() && reader.readuntil(b"u").await.is_err());
        assert!(reader.read_to_end().await.is_err());
    });
}

/// 18.7
#[test]
fn a_reader_that_was_woken_by_data_gets_them_before_the_error_that_follows() {
    simrun::run(async {
        let log = Log::default();
        let client = log.clone();
        let machine = host::start("client", move || {
            let log = client.clone();
            async move {
                let (mut reader, _writer) = open_connection("local:80").await.unwrap();
                for _ in 0..2 {
                    let read = reader.read(100).await;
                    log.note(read.map_or_else(|error| kind(Some(&error)), |data| show(&data)));
                }
            }
        });
        let listener = TcpListener::bind("0.0.0.0:80").await.unwrap();
        let (mut other, _) = listener.accept().await.unwrap();
        settle().await;
        // Both have arrived when the client goes on.
        machine.pause();
        other.write_all(b"data").await.unwrap();
        settle().await;
        other.abort();
        settle().await;
        machine.resume();
        machine.join().await.unwrap();
        assert_eq!(log.take(), ["data", "ConnectionReset"]);
    });
}

/// 18.8
#[test]
fn everyone_who_drains_goes_on_together_when_the_buffer_is_low() {
    simrun::run(async {
        let Ends {
            reader,
            writer,
            mut other,
        } = Ends::new().await;
        let (log, writer) = (Log::default(), Arc::new(writer));
        writer.drain().await.unwrap();
        writer.write(&[0; 300_000]);
        let drains: Vec<_> = (0..3)
            .map(|number| {
                let (log, writer) = (log.clone(), writer.clone());
                spawn(async move {
                    writer.drain().await.unwrap();
                    log.note(format!("{number} at {}", simrun::time::now()));
                })
            })
            .collect();
        settle().await;
        assert!(log.take().is_empty());
        other.read_exact(&mut vec![0; 300_000]).await.unwrap();
        simrun::gather(drains).await.unwrap();
        let lines = log.take();
        let (_, moment) = lines[0].split_once(' ').unwrap();
        let expected: Vec<_> = (0..3).map(|number| format!("{number} {moment}")).collect();
        assert_eq!(lines, expected);
        drop(reader);
    });
}

/// 18.8
#[test]
fn drain_fails_when_the_connection_is_lost() {
    simrun::run(async {
        // With the reader's error, if there is one.
        let Ends { writer, other, .. } = Ends::new().await;
        writer.write(&[0; 300_000]);
        let writer = Arc::new(writer);
        let drains = spawn({
            let writer = writer.clone();
            async move { writer.drain().await }
        });
        settle().await;
        other.abort();
        let waiting = drains.await.unwrap().unwrap_err();
        assert_eq!(waiting.kind(), ErrorKind::ConnectionReset);
        assert_eq!(
            writer.drain().await.unwrap_err().to_string(),
            waiting.to_string()
        );
    });
    simrun::run(async {
        // Even if it was closed from here: whoever writes and drains hears of it.
        let Ends { writer, .. } = Ends::new().await;
        writer.close();
        let lost = writer.drain().await.unwrap_err();
        assert_eq!(lost.to_string(), "the connection is lost");
    });
}

/// 18.9
#[test]
fn wait_closed_waits_for_the_end_and_gives_its_error() {
    simrun::run(async {
        let Ends {
            reader,
            writer,
            mut other,
        } = Ends::new().await;
        writer.write(&[0; 300_000]);
        writer.close();
        assert!(writer.is_closing());
        let waits = spawn(async move {
            writer.wait_closed().await.unwrap();
            writer.wait_closed().await
        });
        settle().await;
        assert!(!waits.is_done(), "not everything is sent");
        let mut all = Vec::new();
        other.read_to_end(&mut all).await.unwrap();
        waits.await.unwrap().unwrap();
        drop(reader);
    });
    simrun::run(async {
        let Ends { writer, other, .. } = Ends::new().await;
        other.abort();
        settle().await;
        let error = writer.wait_closed().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

/// 18.9
#[test]
fn a_deadlock_names_the_stream_that_is_waited_for() {
    let name = "`127.0.0.1:32768 - 127.0.0.1:80`";
    let failing = |waits: fn(Ends) -> futures::future::LocalBoxFuture<'static, ()>| {
        let run = Sim::new().run(move || async move { waits(Ends::new().await).await });
        run.failure().unwrap().to_string()
    };
    let read = failing(|mut ends| {
        Box::pin(async move {
            let ends = &mut ends;
            let _ = ends.reader.read(1).await;
        })
    });
    assert!(
        read.contains(&format!("for stream reader {name}")),
        "{read}"
    );
    let drain = failing(|ends| {
        Box::pin(async move {
            let ends = &ends;
            ends.writer.write(&[0; 300_000]);
            let _ = ends.writer.drain().await;
        })
    });
    assert!(
        drain.contains(&format!("for room in stream writer {name}")),
        "{drain}"
    );
    let end = failing(|ends| {
        Box::pin(async move {
            let ends = &ends;
            let _ = ends.writer.wait_closed().await;
        })
    });
    assert!(
        end.contains(&format!("for end of stream writer {name}")),
        "{end}"
    );
}

async fn serve<F>(handler: impl Fn(StreamReader, StreamWriter) -> F + 'static) -> Server
where
    F: Future<Output = Result<(), &'static str>> + 'static,
{
    start_server(handler, "127.0.0.1:80").await.unwrap()
}

/// 18.10
#[test]
fn a_handler_that_fails_is_reported_and_its_connection_closed() {
    let run = |handler: fn() -> Result<(), &'static str>| {
        simrun::run(async move {
            let reports = reports();
            let _server = serve(move |_, _| async move { handler() }).await;
            let mut client = TcpStream::connect("127.0.0.1:80").await.unwrap();
            assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
            reports.take()
        })
    };
    let expected = "unhandled exception in client_connected_cb: oops";
    assert_eq!(run(|| Err("oops")), [expected]);
    assert_eq!(run(|| panic!("oops")), [expected]);
}

/// 18.10
#[test]
fn a_handler_that_panics_before_it_is_a_task_is_reported() {
    simrun::run(async move {
        let reports = reports();
        let handler = |_: StreamReader, _: StreamWriter| -> futures::future::Ready<()> {
            panic!("oops");
        };
        let _server = start_server(handler, "127.0.0.1:80").await.unwrap();
        let mut client = TcpStream::connect("127.0.0.1:80").await.unwrap();
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
        let expected = "unhandled exception in client_connected_cb: oops";
        assert_eq!(reports.take(), [expected]);
    });
}

/// 18.10
#[test]
fn a_handler_that_is_cancelled_closes_its_connection_and_is_not_reported() {
    simrun::run(async move {
        let reports = reports();
        let tasks = Rc::new(RefCell::new(Vec::new()));
        let known = tasks.clone();
        let _server = serve(move |mut reader, _writer| {
            let known = known.clone();
            async move {
                known.borrow_mut().push(task::current());
                let _ = reader.read(1).await;
                Ok(())
            }
        })
        .await;
        let mut client = TcpStream::connect("127.0.0.1:80").await.unwrap();
        settle().await;
        tasks.borrow()[0].cancel();
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
        assert!(reports.take().is_empty());
    });
}

/// 18.10
#[test]
fn a_handler_that_returns_leaves_its_connection_open() {
    simrun::run(async move {
        let kept = Rc::new(RefCell::new(None));
        let keep = kept.clone();
        let _server = serve(move |_reader, writer| {
            keep.replace(Some(writer.transport().clone()));
            async { Ok(()) }
        })
        .await;
        let mut client = TcpStream::connect("127.0.0.1:80").await.unwrap();
        settle().await;
        let transport = kept.take().unwrap();
        assert!(!transport.is_closing());
        transport.write(b"still here");
        client.read_exact(&mut [0; 10]).await.unwrap();
    });
}

#[test]
fn dropping_the_writer_of_a_client_closes_its_connection() {
    simrun::run(async move {
        let mut ends = Ends::new().await;
        ends.writer.write(b"bye");
        drop(ends.writer);
        let mut all = String::new();
        ends.other.read_to_string(&mut all).await.unwrap();
        assert_eq!(all, "bye");
    });
}

/// 18.11
#[test]
fn either_side_can_end_its_half_and_read_on() {
    simrun::run(async move {
        let Ends {
            mut reader,
            writer,
            mut other,
        } = Ends::new().await;
        assert!(writer.can_write_eof());
        writer.writelines(["question", "?"]);
        writer.write_eof();
        let mut question = String::new();
        other.read_to_string(&mut question).await.unwrap();
        assert_eq!(question, "question?");
        other.write_all(b"answer").await.unwrap();
        assert_eq!(reader.read(100).await.unwrap(), b"answer");
    });
    simrun::run(async move {
        let mut ends = Ends::new().await;
        ends.receive_last(b"").await;
        assert_eq!(ends.reader.read(100).await.unwrap(), b"");
        assert!(!ends.writer.is_closing(), "both sides must close");
        ends.writer.write(b"late");
        ends.other.read_exact(&mut [0; 4]).await.unwrap();
    });
}

#[test]
fn lines_can_be_gone_through_and_a_reader_is_an_async_read() {
    simrun::run(async move {
        let mut ends = Ends::new().await;
        ends.receive(b"one\ntwo\n12").await;
        {
            let mut lines = ends.reader.lines();
            assert_eq!(lines.next().await.unwrap().unwrap(), b"one\n");
            assert_eq!(lines.next().await.unwrap().unwrap(), b"two\n");
        }
        let mut four = [0; 4];
        {
            let mut exact = std::pin::pin!(AsyncReadExt::read_exact(&mut ends.reader, &mut four));
            assert!(futures::poll!(exact.as_mut()).is_pending());
            ends.other.write_all(b"34").await.unwrap();
            exact.await.unwrap();
        }
        assert_eq!(&four, b"1234");
        AsyncWriteExt::write_all(&mut ends.writer, &[0; 500])
            .await
            .unwrap();
        AsyncWriteExt::close(&mut ends.writer).await.unwrap();
        let mut all = Vec::new();
        ends.other.read_to_end(&mut all).await.unwrap();
        assert_eq!(all.len(), 500);
    });
}

#[test]
fn an_async_writer_waits_while_there_is_too_much_to_be_sent() {
    simrun::run(async move {
        let Ends {
            mut writer,
            mut other,
            reader,
        } = Ends::new().await;
        let writes = spawn(async move {
            AsyncWriteExt::write_all(&mut writer, &[0; 1_000_000])
                .await
                .unwrap();
            AsyncWriteExt::flush(&mut writer).await.unwrap();
            writer
        });
        settle().await;
        assert!(!writes.is_done());
        other.read_exact(&mut vec![0; 1_000_000]).await.unwrap();
        let writer = writes.await.unwrap();
        writer.transport().abort();
        drop(reader);
    });
}

#[test]
fn what_streams_wait_with_can_be_sent_between_threads() {
    fn sends<T: Send>(value: T) -> T {
        value
    }
    simrun::run(async move {
        let server = sends(start_server(|_, _| async {}, "127.0.0.1:80")).await;
        let server = sends(server.unwrap());
        drop(sends(server.serve_forever()));
        drop(sends(server.wait_closed()));
        let (mut reader, writer) = sends(open_connection("127.0.0.1:80")).await.unwrap();
        drop(sends(reader.read(1)));
        drop(sends(reader.readexactly(1)));
        drop(sends(reader.readline()));
        drop(sends(reader.readuntil(b"\n")));
        drop(sends(reader.read_to_end()));
        drop(sends(writer.drain()));
        drop(sends(writer.wait_closed()));
        sends(writer.transport().clone()).close();
        sends((reader, writer));
        event_loop::call_soon(|| ());
        sleep(millis(1)).await;
    });
}
