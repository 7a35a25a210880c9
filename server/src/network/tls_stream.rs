//! A TCP connection inside TLS: rustls produces and interprets the bytes, and this moves them.
//!
//! Background. It is driven by hand instead of through tokio-rustls for the sake of one rule: `poll_write` reports bytes as
//! written only once the socket has accepted their ciphertext. So no caller has to flush, output that a client has not
//! accepted counts against its `client-output-buffer-limit`, and plain connections, which use the same code in
//! `connection.rs`, pay nothing for it. The price is the same rule as in OpenSSL: a caller that was told to wait must call
//! again with the same bytes, and may add more.
//!
//! As on a plain connection, one read takes everything that the socket has, however many records that is.

use std::cell::RefCell;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustls::{Connection, Error as TlsError, InvalidMessage};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Duration;

/// How long a handshake may take; `timeout` can make it shorter for clients.
pub const HANDSHAKE: Duration = Duration::from_secs(10);
/// How many bytes of ciphertext are read at a time.
const READ_SIZE: usize = 16 * 1024;

thread_local! {
    /// The thread's buffer for ciphertext.
    static SCRATCH: RefCell<Box<[MaybeUninit<u8>]>> = RefCell::new(Box::new_uninit_slice(READ_SIZE));
}

/// A TCP stream inside TLS.
pub struct TlsStream {
    socket: TcpStream,
    tls: Box<Connection>,
    /// How many of the caller's bytes are encrypted but not yet fully accepted by the socket.
    accepted: usize,
    /// Ciphertext that rustls had no room for.
    rest: Vec<u8>,
    /// Whether writing has failed for good.
    broken: bool,
}

impl TlsStream {
    /// A connection whose handshake is still to be made.
    pub fn new(socket: TcpStream, tls: impl Into<Connection>) -> Self {
        Self { socket, tls: Box::new(tls.into()), accepted: 0, rest: Vec::new(), broken: false }
    }

    /// Makes the handshake.
    ///
    /// # Errors
    /// The handshake failed, or the peer has gone.
    pub async fn handshake(&mut self) -> io::Result<()> {
        std::future::poll_fn(|context| self.poll_handshake(context)).await
    }

    fn poll_handshake(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_send(context))?;
            if !self.tls.is_handshaking() {
                return Poll::Ready(Ok(()));
            }
            if ready!(self.poll_receive(context))? == 0 {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, "unexpected eof while reading")));
            }
        }
    }

    /// Writes all pending ciphertext.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.tls.wants_write() {
            let mut sink = Sink { socket: &mut self.socket, context };
            match self.tls.write_tls(&mut sink) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
                Err(error) => {
                    self.broken = true;
                    return Poll::Ready(Err(error));
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads ciphertext and returns its length; 0 if the peer sends no more.
    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if !self.rest.is_empty() {
            let rest = std::mem::take(&mut self.rest);
            return Poll::Ready(self.decrypt(&rest));
        }
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::uninit(scratch);
            ready!(Pin::new(&mut self.socket).poll_read(context, &mut buffer))?;
            if buffer.filled().is_empty() {
                // Tells rustls that nothing follows.
                self.tls.read_tls(&mut io::empty())?;
                return Poll::Ready(Ok(0));
            }
            Poll::Ready(self.decrypt(buffer.filled()))
        })
    }

    /// Passes ciphertext to rustls, as far as it has room for the plaintext.
    fn decrypt(&mut self, mut bytes: &[u8]) -> io::Result<usize> {
        let all = bytes.len();
        while !bytes.is_empty() {
            match self.tls.read_tls(&mut bytes) {
                Ok(_) => {}
                // The caller first takes what was decrypted.
                Err(_) if self.has_plaintext() => break,
                Err(error) => return Err(error),
            }
            if let Err(error) = self.tls.process_new_packets() {
                self.say_goodbye(&error);
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
        }
        self.rest.extend_from_slice(bytes);
        Ok(all)
    }

    fn has_plaintext(&mut self) -> bool {
        use std::io::BufRead;
        self.tls.reader().fill_buf().is_ok_and(|bytes| !bytes.is_empty())
    }

    /// Sends the peer an alert or, if it does not speak TLS at all, resets the connection, as servers with OpenSSL do.
    fn say_goodbye(&mut self, error: &TlsError) {
        if matches!(error, TlsError::InvalidMessage(InvalidMessage::InvalidContentType)) && self.tls.is_handshaking() {
            // Best effort, because the socket may already be closed.
            let _ = SockRef::from(&self.socket).set_linger(Some(Duration::ZERO));
        } else {
            self.try_send();
        }
        self.broken = true;
    }

    /// Writes what the socket accepts without waiting.
    fn try_send(&mut self) {
        while self.tls.wants_write() {
            if !matches!(self.tls.write_tls(&mut Now(&self.socket)), Ok(1..)) {
                return;
            }
        }
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        use std::io::BufRead;
        let this = self.get_mut();
        let before = buffer.filled().len();
        loop {
            let mut reader = this.tls.reader();
            loop {
                match reader.fill_buf() {
                    // The peer has announced that it sends no more.
                    Ok([]) => return Poll::Ready(Ok(())),
                    Ok(bytes) => {
                        let count = bytes.len().min(buffer.remaining());
                        buffer.put_slice(&bytes[..count]);
                        reader.consume(count);
                        if buffer.remaining() == 0 {
                            return Poll::Ready(Ok(()));
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    // It closed the connection without an alert, as many clients do.
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Poll::Ready(Ok(())),
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
            if buffer.filled().len() > before && this.rest.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let received = ready!(this.poll_receive(context))?;
            if this.tls.wants_write() && !this.broken {
                // An answer to a key update; what the socket does not accept now is sent with the next bytes.
                if let Poll::Ready(sent) = this.poll_send(context) {
                    sent?;
                }
            }
            if received == 0 && !this.has_plaintext() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        use std::io::Write;
        let this = self.get_mut();
        loop {
            ready!(this.poll_send(context))?;
            if this.accepted > 0 {
                // Never more than given, in case an earlier write was cancelled.
                return Poll::Ready(Ok(std::mem::take(&mut this.accepted).min(bytes.len())));
            }
            this.accepted = this.tls.writer().write(bytes)?;
            if this.accepted == 0 {
                return Poll::Ready(Ok(0));
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_send(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.tls.send_close_notify();
        ready!(this.poll_send(context))?;
        Pin::new(&mut this.socket).poll_shutdown(context)
    }
}

impl Drop for TlsStream {
    /// Sends a closing alert, if the socket accepts it at once.
    fn drop(&mut self) {
        if !self.broken && !self.tls.is_handshaking() {
            self.tls.send_close_notify();
            self.try_send();
        }
    }
}

/// An adapter by which rustls writes to the socket.
struct Sink<'a, 'c> {
    socket: &'a mut TcpStream,
    context: &'a mut Context<'c>,
}

fn or_would_block(poll: Poll<io::Result<usize>>) -> io::Result<usize> {
    match poll {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

impl io::Write for Sink<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        or_would_block(Pin::new(&mut *self.socket).poll_write(self.context, bytes))
    }

    fn write_vectored(&mut self, parts: &[io::IoSlice<'_>]) -> io::Result<usize> {
        or_would_block(Pin::new(&mut *self.socket).poll_write_vectored(self.context, parts))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An adapter for writing to the socket without waiting.
struct Now<'a>(&'a TcpStream);

impl io::Write for Now<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, parts: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(parts)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
