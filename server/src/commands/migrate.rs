//! MIGRATE: moves keys to another server, by DUMP here and RESTORE there. As in Redis, it blocks this server until the other
//! one has answered or the timeout has passed. Connections are kept for the next call (`server/migration.rs`).

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use rustls::StreamOwned;

use crate::base::numbers::parse_i64;
use crate::config::NotifyFlags;
use crate::persistence::codec::dump;
use crate::resp::Args;
use crate::server::effects::encode_command;
use crate::server::error::*;
use crate::server::migration::{Channel, Target};
use crate::server::state::Server;
use crate::server::{CommandError, CommandResult, DataContext, Family, Handler, ServerContext};

/// Handlers of the family.
pub static FAMILY: Family = &[("migrate", Handler::Server(migrate))];

/// The longest accepted line of a reply (a status or an error), in bytes.
const LONGEST_LINE: u64 = 64 * 1024;

const CANNOT_WRITE: CommandError = CommandError::Static("IOERR error or timeout writing to target instance");
const CANNOT_READ: CommandError = CommandError::Static("IOERR error or timeout reading to target instance");

/// The options that follow the timeout.
#[derive(Default)]
struct Options<'a> {
    copy: bool,
    replace: bool,
    /// The arguments of AUTH or AUTH2.
    credentials: Vec<&'a [u8]>,
    /// The index of the word KEYS.
    keys: Option<usize>,
}

fn parse<'a>(args: &Args<'a>) -> CommandResult<Options<'a>> {
    let mut options = Options::default();
    let mut at = 6;
    while at < args.len() {
        let left = args.len() - at - 1;
        match () {
            () if args.is(at, "copy") => options.copy = true,
            () if args.is(at, "replace") => options.replace = true,
            () if args.is(at, "auth") && left >= 1 => {
                options.credentials = vec![args.get(at + 1)];
                at += 1;
            }
            () if args.is(at, "auth2") && left >= 2 => {
                options.credentials = vec![args.get(at + 1), args.get(at + 2)];
                at += 2;
            }
            () if args.is(at, "keys") => {
                if !args.get(3).is_empty() {
                    return Err(CommandError::Static(
                        "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string",
                    ));
                }
                options.keys = Some(at + 1);
                break;
            }
            () => return Err(SYNTAX),
        }
        at += 1;
    }
    Ok(options)
}

/// Why not everything arrived.
enum Failure {
    /// Writing to the other server failed.
    Write(io::Error),
    /// Reading its answer failed.
    Read(io::Error),
    /// It answered with an error; the connection is still good.
    Refused(CommandError),
}

impl Failure {
    /// Whether a retry on a fresh connection may help, because the other side may have closed the kept one. Not after a
    /// timeout.
    fn may_be_stale(&self) -> bool {
        let (Self::Write(error) | Self::Read(error)) = self else { return false };
        !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
    }

    fn into_error(self) -> CommandError {
        match self {
            Self::Write(_) => CANNOT_WRITE,
            Self::Read(_) => CANNOT_READ,
            Self::Refused(error) => error,
        }
    }
}

/// Reads a status line; the inner error is one that the other server answered with.
fn status(target: &mut Target) -> Result<Result<(), Vec<u8>>, Failure> {
    let mut line = Vec::new();
    io::Read::take(&mut target.stream, LONGEST_LINE).read_until(b'\n', &mut line).map_err(Failure::Read)?;
    if !line.ends_with(b"\n") {
        return Err(Failure::Read(io::ErrorKind::UnexpectedEof.into()));
    }
    line.truncate(line.len() - if line.ends_with(b"\r\n") { 2 } else { 1 });
    Ok(match line.split_first() {
        Some((b'-', text)) => Err(text.to_vec()),
        _ => Ok(()),
    })
}

fn connect(server: &Server, host: &[u8], port: &[u8], timeout: Duration) -> CommandResult<Target> {
    let port = parse_i64(port).and_then(|port| u16::try_from(port).ok()).ok_or(CANNOT_WRITE)?;
    let host = String::from_utf8_lossy(host);
    let unknown = |error: io::Error| CommandError::text(format!("ERR Can't connect to target node: {error}"));
    let mut addresses = (host.as_ref(), port).to_socket_addrs().map_err(unknown)?;
    let address = addresses.next().ok_or(CANNOT_WRITE)?;
    let stream = TcpStream::connect_timeout(&address, timeout).map_err(|_| CANNOT_WRITE)?;
    stream.set_nodelay(true).map_err(|_| CANNOT_WRITE)?;
    let channel = if server.config.tls_cluster {
        let contexts = server.network.certificates().ok_or(CANNOT_WRITE)?;
        let connection = contexts.connect().map_err(|_| CANNOT_WRITE)?;
        Channel::Secure(Box::new(StreamOwned::new(connection, stream)))
    } else {
        Channel::Plain(stream)
    };
    Ok(Target { stream: BufReader::new(channel), database: None })
}

fn push(out: &mut Vec<u8>, words: &[&[u8]]) {
    encode_command(out, words.len(), words.iter().copied());
}

/// A batch of keys that is being moved.
struct Move<'a> {
    options: Options<'a>,
    database: i64,
    keys: Vec<&'a [u8]>,
    /// The RESTORE commands for all of them, encoded.
    commands: Vec<u8>,
    /// Keys that the other server has now.
    moved: Vec<&'a [u8]>,
}

impl<'a> Move<'a> {
    fn collect(ctx: &mut DataContext<'_>, args: &Args<'a>, options: Options<'a>, database: i64) -> Self {
        let (first, count) = options.keys.map_or((3, 1), |first| (first, args.len() - first));
        // In a cluster, the other node is still importing the slot.
        let restore: &[u8] = if ctx.config.cluster_enabled { b"RESTORE-ASKING" } else { b"RESTORE" };
        let mut moving = Self { options, database, keys: Vec::new(), commands: Vec::new(), moved: Vec::new() };
        for key in args.from(first).take(count) {
            let now = ctx.now();
            let compress = ctx.config.rdbcompression;
            let Some(entry) = ctx.lookup_read(key) else { continue };
            let ttl = entry.expire().map_or(0, |at| (at - now).max(1));
            let payload = dump(entry.value(), compress);
            let mut ttl_text = itoa::Buffer::new();
            let mut words: Vec<&[u8]> = vec![restore, key, ttl_text.format(ttl).as_bytes(), &payload];
            words.extend(moving.options.replace.then_some(&b"REPLACE"[..]));
            push(&mut moving.commands, &words);
            moving.keys.push(key);
        }
        moving
    }

    /// Sends everything and reads the answers.
    fn exchange(&mut self, target: &mut Target, timeout: Duration) -> Result<(), Failure> {
        let mut request = Vec::new();
        let credentials = &self.options.credentials;
        if !credentials.is_empty() {
            push(&mut request, &[&[&b"AUTH"[..]], credentials.as_slice()].concat());
        }
        if target.database != Some(self.database) {
            push(&mut request, &[b"SELECT", itoa::Buffer::new().format(self.database).as_bytes()]);
        }
        let preamble = usize::from(!credentials.is_empty()) + usize::from(target.database != Some(self.database));
        request.extend_from_slice(&self.commands);
        let stream = target.stream.get_mut();
        stream
            .limit(timeout)
            .and_then(|()| stream.write_all(&request))
            .and_then(|()| stream.flush())
            .map_err(Failure::Write)?;
        let refused = |text: &[u8]| CommandError::text([b"ERR Target instance replied with error: ", text].concat());
        let mut error = None;
        for _ in 0..preamble {
            if let Err(text) = status(target)? {
                error.get_or_insert(refused(&text));
            }
        }
        // If AUTH or SELECT failed, no later answer counts.
        let lost = error.is_some();
        target.database = (!lost).then_some(self.database);
        for &key in &self.keys {
            match status(target)? {
                Ok(()) if !lost && !self.options.copy => self.moved.push(key),
                Ok(()) => {}
                Err(text) => drop(error.get_or_insert(refused(&text))),
            }
        }
        error.map_or(Ok(()), |error| Err(Failure::Refused(error)))
    }
}

/// `MIGRATE host port key|"" database timeout [COPY] [REPLACE] [AUTH password | AUTH2 user password] [KEYS key ...]`.
fn migrate(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let options = parse(args)?;
    let timeout = parse_i64(args.get(5)).ok_or(NOT_INTEGER)?;
    let database = parse_i64(args.get(4)).ok_or(NOT_INTEGER)?;
    let timeout = Duration::from_millis(if timeout <= 0 { 1000 } else { timeout as u64 });
    let mut moving = Move::collect(&mut ctx.data(), args, options, database);
    if moving.keys.is_empty() {
        ctx.reply().simple("NOKEY");
        return Ok(());
    }
    let (host, port) = (args.get(1), args.get(2));
    let now = ctx.server.time.now;
    let mut outcome = Ok(());
    let kept = ctx.server.network.migration_targets.take(host, port, now);
    let was_kept = kept.is_some();
    for attempt in [kept, None].into_iter().skip(usize::from(!was_kept)) {
        let stale_before = attempt.is_some();
        let mut target = match attempt {
            Some(target) => target,
            None => connect(ctx.server, host, port, timeout)?,
        };
        outcome = moving.exchange(&mut target, timeout);
        match &outcome {
            Ok(()) | Err(Failure::Refused(_)) => ctx.server.network.migration_targets.keep(host, port, target, now),
            Err(failure) if stale_before && moving.moved.is_empty() && failure.may_be_stale() => continue,
            Err(_) => {}
        }
        break;
    }
    let mut data = ctx.data();
    // Keys that have arrived are deleted here, whatever became of the rest.
    for key in &moving.moved {
        data.delete(key);
        data.changed(key, NotifyFlags::GENERIC, "del");
    }
    if moving.moved.is_empty() {
        data.propagate_nothing();
    } else {
        data.propagate_as(&[&[&b"DEL"[..]], moving.moved.as_slice()].concat());
    }
    outcome.map_err(Failure::into_error)?;
    data.reply.ok();
    Ok(())
}
