//! One connection. Every read and write has a deadline, so that a node that hangs is a finding and not a hang of ours.

use super::Credentials;
use super::reply::{Reply, decode};
use server::network::dial::Socket;
use server::network::tls_stream::TlsStream;
use std::fmt;
use std::io::{Error, ErrorKind};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Where a node listens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Address {
    /// A host name or address.
    pub host: String,
    /// The TCP port, not 0.
    pub port: u16,
}

impl Address {
    /// A port of the loopback interface.
    pub fn local(port: u16) -> Self {
        Self { host: "127.0.0.1".into(), port }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The colons of an IPv6 address are not that of the port.
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// A connection to one node.
pub struct Client {
    stream: Box<dyn Socket>,
    received: Vec<u8>,
    patience: Duration,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("received", &self.received.len()).finish_non_exhaustive()
    }
}

impl Client {
    /// Connects; `patience` bounds this and every later wait.
    pub async fn connect(address: &Address, patience: Duration) -> std::io::Result<Self> {
        Self::connect_with(address, patience, None).await
    }

    /// Connects, inside TLS where there are credentials for it; `patience` bounds this and every later wait.
    pub async fn connect_with(
        address: &Address,
        patience: Duration,
        credentials: Option<&Credentials>,
    ) -> std::io::Result<Self> {
        let stream = timeout(patience, open(address, credentials)).await.map_err(|_| late("connect"))??;
        Ok(Self { stream, received: Vec::new(), patience })
    }

    /// Sends a command and waits for its reply.
    pub async fn call<A: AsRef<[u8]>>(&mut self, arguments: &[A]) -> std::io::Result<Reply> {
        self.send(&encode(arguments)).await?;
        self.read_reply().await
    }

    /// Sends bytes as they are.
    pub async fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        timeout(self.patience, self.stream.write_all(bytes)).await.map_err(|_| late("write"))?
    }

    /// Waits for the next reply, pushed messages included.
    pub async fn read_reply(&mut self) -> std::io::Result<Reply> {
        self.read_reply_bytes().await.map(|(reply, _)| reply)
    }

    /// Reads one reply, with the bytes it came in.
    pub async fn read_reply_bytes(&mut self) -> std::io::Result<(Reply, Vec<u8>)> {
        let patience = self.patience;
        timeout(patience, self.next_reply()).await.map_err(|_| late("reply"))?
    }

    /// Reads one reply without a deadline: for MONITOR, SUBSCRIBE and a person's patience.
    pub async fn next_reply(&mut self) -> std::io::Result<(Reply, Vec<u8>)> {
        loop {
            // A primary sends line feeds to a replica that waits for its snapshot, in front of the reply to PSYNC.
            let waits = self.received.iter().take_while(|&&byte| byte == b'\n').count();
            self.received.drain(..waits);
            if let Some((reply, length)) = decode(&self.received)? {
                return Ok((reply, self.received.drain(..length).collect()));
            }
            if self.fill().await? == 0 {
                return Err(Error::new(ErrorKind::UnexpectedEof, "the server closed the connection"));
            }
        }
    }

    /// Whatever arrives within `quiet`, and whether the server closed the connection: for bytes that are not replies.
    pub async fn read_for(&mut self, quiet: Duration) -> std::io::Result<(Vec<u8>, bool)> {
        let deadline = tokio::time::Instant::now() + quiet;
        loop {
            match tokio::time::timeout_at(deadline, self.fill()).await {
                Err(_) => return Ok((std::mem::take(&mut self.received), false)),
                Ok(Ok(0)) => return Ok((std::mem::take(&mut self.received), true)),
                Ok(Ok(_)) => {}
                Ok(Err(error)) if error.kind() == ErrorKind::ConnectionReset => {
                    return Ok((std::mem::take(&mut self.received), true));
                }
                Ok(Err(error)) => return Err(error),
            }
        }
    }

    async fn fill(&mut self) -> std::io::Result<usize> {
        self.received.reserve(16 * 1024);
        self.stream.read_buf(&mut self.received).await
    }
}

async fn open(address: &Address, credentials: Option<&Credentials>) -> std::io::Result<Box<dyn Socket>> {
    let stream = TcpStream::connect((address.host.as_str(), address.port)).await?;
    stream.set_nodelay(true)?;
    let Some(credentials) = credentials else { return Ok(Box::new(stream)) };
    let connection = credentials.contexts()?.connect().map_err(Error::other)?;
    let mut stream = TlsStream::new(stream, connection);
    stream.handshake().await?;
    Ok(Box::new(stream))
}

fn late(what: &str) -> Error {
    Error::new(ErrorKind::TimedOut, format!("no {what} in time"))
}

/// A command as a RESP array of bulk strings.
pub fn encode<A: AsRef<[u8]>>(arguments: &[A]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", arguments.len()).into_bytes();
    for argument in arguments {
        let argument = argument.as_ref();
        bytes.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
        bytes.extend_from_slice(argument);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn line_feeds_in_front_of_a_reply_are_no_part_of_it() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"\n").await.unwrap();
            stream.write_all(b"\n+CONTINUE\r\n").await.unwrap();
        });
        let mut client = Client::connect(&Address::local(port), Duration::from_secs(30)).await.unwrap();
        assert_eq!(client.read_reply_bytes().await.unwrap().1, b"+CONTINUE\r\n");
        server.await.unwrap();
    }

    #[tokio::test]
    async fn a_server_that_nests_its_reply_without_end_is_an_error() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            // The client hangs up before it has read all of it.
            let _ = stream.write_all("*1\r\n".repeat(1_000_000).as_bytes()).await;
        });
        let mut client = Client::connect(&Address::local(port), Duration::from_secs(30)).await.unwrap();
        let error = client.read_reply().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
        drop(client);
        server.await.unwrap();
    }
}
