//! A stream of bytes to the peer, plain or secured, and a tape of its beginning.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::security::tls::Secured;

/// As much of what came is kept on the tape.
const TAPE: usize = 1024;

/// A stream whose first bytes are kept: what speaks in place of TLS can then be named. Bytes that
/// somebody else has read before are put in front.
#[derive(Debug)]
pub(super) struct Tapped<S> {
    stream: S,
    before: Vec<u8>,
    tape: Vec<u8>,
    taping: bool,
}

impl<S> Tapped<S> {
    pub(super) fn new(stream: S, before: Vec<u8>) -> Self {
        Self { stream, before, tape: Vec::new(), taping: true }
    }

    /// The first bytes that came.
    pub(super) fn taped(&self) -> &[u8] {
        &self.tape
    }

    /// The same stream with a new tape.
    pub(super) fn renew(self) -> Self {
        Self { tape: Vec::new(), taping: true, ..self }
    }

    pub(super) fn stop_taping(&mut self) {
        self.taping = false;
    }

    fn note(&mut self, bytes: &[u8]) {
        if self.taping {
            let room = TAPE - self.tape.len();
            self.tape.extend(bytes.iter().take(room));
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tapped<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let filled = buffer.filled().len();
        if this.before.is_empty() {
            std::task::ready!(Pin::new(&mut this.stream).poll_read(cx, buffer))?;
        } else {
            let count = this.before.len().min(buffer.remaining());
            buffer.put_slice(&this.before[..count]);
            this.before.drain(..count);
        }
        this.note(&buffer.filled()[filled..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tapped<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

/// A stream to the peer.
#[derive(Debug)]
pub(super) enum Pipe {
    /// As it is.
    Plain(Tapped<TcpStream>),
    /// Within TLS.
    Secured(Box<Secured>),
}

impl Pipe {
    pub(super) fn plain(stream: TcpStream, before: Vec<u8>) -> Self {
        Self::Plain(Tapped::new(stream, before))
    }

    /// The same stream with these bytes in front of what comes.
    pub(super) fn before(self, bytes: Vec<u8>) -> Self {
        match self {
            Self::Plain(tapped) => Self::Plain(Tapped::new(tapped.stream, bytes)),
            secured @ Self::Secured(_) => secured,
        }
    }

    /// The connection below.
    pub(super) fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(tapped) => &tapped.stream,
            Self::Secured(secured) => &secured.get_ref().0.stream,
        }
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Secured(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Secured(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Secured(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Secured(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
