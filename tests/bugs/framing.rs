//! Frames that are read in a branch of a `select!`: when another branch wins, what was read of a
//! frame is gone.

use futures::{AsyncReadExt, AsyncWriteExt};
use simrun::net::{TcpListener, TcpStream};
use simrun::time::{self, millis, secs, sleep};
use simrun::{gather, spawn};

use super::{Version, bug};

const FRAMES: u8 = 4;
const LENGTH: usize = 6;

/// Sends frames in two pieces, as a network may cut them.
async fn send(mut stream: TcpStream) {
    for number in 0..FRAMES {
        let frame = [number; LENGTH];
        for piece in frame.chunks(LENGTH / 2) {
            stream.write_all(piece).await.unwrap();
            let pause = 300 * simrun::chance::below("pause", 4);
            sleep(millis(pause)).await;
        }
    }
}

/// Reads frames, and does something else every second.
async fn receive(version: Version, mut stream: TcpStream) -> Vec<[u8; LENGTH]> {
    let mut frames = Vec::new();
    let (mut frame, mut read) = ([0; LENGTH], 0);
    let mut deadline = time::now() + secs(1);
    while frames.len() < usize::from(FRAMES) {
        let has_read = match version {
            Version::Broken => simrun::select! {
                read = stream.read_exact(&mut frame) => Some(read.map(|()| LENGTH)),
                () = time::sleep_until(deadline) => None,
            },
            Version::Mended => simrun::select! {
                more = stream.read(&mut frame[read..]) => Some(more.map(|more| read + more)),
                () = time::sleep_until(deadline) => None,
            },
        };
        match has_read {
            Some(Ok(LENGTH)) => {
                frames.push(frame);
                read = 0;
            }
            Some(Ok(more)) if more > read => read = more,
            Some(_) => break,
            None => deadline = time::now() + secs(1),
        }
    }
    frames
}

async fn frames_arrive_in_pieces(version: Version) {
    let listener = TcpListener::bind("localhost:80").await.unwrap();
    let sender = spawn(async {
        let stream = TcpStream::connect("localhost:80").await.unwrap();
        send(stream).await;
    });
    let receiver = spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        for (number, frame) in (0..).zip(receive(version, stream).await) {
            assert_eq!(frame, [number; LENGTH], "the frames are out of step");
        }
    });
    if let Err(error) = gather([sender, receiver]).await {
        error.resume();
    }
}

bug!(
    a_branch_that_loses_takes_half_a_frame_with_it,
    frames_arrive_in_pieces,
    "the frames are out of step"
);
