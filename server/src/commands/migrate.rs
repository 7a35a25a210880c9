//! MIGRATE: keys move to another server, by DUMP here and RESTORE there. As upstream's, it holds everything up until the
//! other server has answered or the time is up.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::base::numbers::parse_i64;
use crate::dispatch::effects::{class, encode_command};
use crate::dispatch::error::*;
use crate::dispatch::{CommandError, CommandResult, DataContext, Family, Handler};
use crate::persistence::codec::dump;
use crate::resp::Args;

/// Handlers of the family.
pub static FAMILY: Family = &[("migrate", Handler::Data(migrate))];

/// A line of a reply is no longer than this: statuses and errors.
const LONGEST_LINE: u64 = 64 * 1024;

const CANNOT_WRITE: CommandError = CommandError::Static("IOERR error or timeout writing to target instance");
const CANNOT_READ: CommandError = CommandError::Static("IOERR error or timeout reading to target instance");

/// The words behind the timeout.
#[derive(Default)]
struct Options<'a> {
    copy: bool,
    replace: bool,
    /// AUTH's or AUTH2's words.
    credentials: Vec<&'a [u8]>,
    /// Where KEYS starts.
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

/// The connection to the other server.
struct Target {
    stream: BufReader<TcpStream>,
}

impl Target {
    fn connect(host: &[u8], port: &[u8], timeout: Duration) -> CommandResult<Self> {
        let port = parse_i64(port).and_then(|port| u16::try_from(port).ok()).ok_or(CANNOT_WRITE)?;
        let host = String::from_utf8_lossy(host);
        let unknown = |error: std::io::Error| CommandError::text(format!("ERR Can't connect to target node: {error}"));
        let mut addresses = (host.as_ref(), port).to_socket_addrs().map_err(unknown)?;
        let address = addresses.next().ok_or(CANNOT_WRITE)?;
        let stream = TcpStream::connect_timeout(&address, timeout).map_err(|_| CANNOT_WRITE)?;
        let prepared = stream
            .set_nodelay(true)
            .and_then(|()| stream.set_read_timeout(Some(timeout)))
            .and_then(|()| stream.set_write_timeout(Some(timeout)));
        prepared.map_err(|_| CANNOT_WRITE)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    fn send(&mut self, bytes: &[u8]) -> CommandResult {
        self.stream.get_mut().write_all(bytes).map_err(|_| CANNOT_WRITE)
    }

    /// A status line; an error of the other server is the inner one.
    fn status(&mut self) -> CommandResult<Result<(), Vec<u8>>> {
        let mut line = Vec::new();
        let read = std::io::Read::take(&mut self.stream, LONGEST_LINE).read_until(b'\n', &mut line);
        if read.is_err() || !line.ends_with(b"\n") {
            return Err(CANNOT_READ);
        }
        line.truncate(line.len() - if line.ends_with(b"\r\n") { 2 } else { 1 });
        Ok(match line.split_first() {
            Some((b'-', text)) => Err(text.to_vec()),
            _ => Ok(()),
        })
    }
}

fn push(out: &mut Vec<u8>, words: &[&[u8]]) {
    encode_command(out, words.len(), words.iter().copied());
}

/// `MIGRATE host port key|"" database timeout [COPY] [REPLACE] [AUTH password | AUTH2 user password] [KEYS key ...]`.
fn migrate(ctx: &mut DataContext<'_>, args: &Args<'_>) -> CommandResult {
    let options = parse(args)?;
    let timeout = parse_i64(args.get(5)).ok_or(NOT_INTEGER)?;
    let database = parse_i64(args.get(4)).ok_or(NOT_INTEGER)?;
    let timeout = Duration::from_millis(if timeout <= 0 { 1000 } else { timeout as u64 });
    let (first, count) = options.keys.map_or((3, 1), |first| (first, args.len() - first));
    let mut request = Vec::new();
    if !options.credentials.is_empty() {
        push(&mut request, &[&[&b"AUTH"[..]], options.credentials.as_slice()].concat());
    }
    push(&mut request, &[b"SELECT", itoa::Buffer::new().format(database).as_bytes()]);
    let mut moving = Vec::new();
    for key in args.from(first).take(count) {
        let now = ctx.now();
        let compress = ctx.config.rdbcompression;
        let Some(entry) = ctx.lookup_read(key) else { continue };
        let ttl = entry.expire().map_or(0, |at| (at - now).max(1));
        let payload = dump(entry.value(), compress);
        let mut ttl_text = itoa::Buffer::new();
        let mut words: Vec<&[u8]> = vec![b"RESTORE", key, ttl_text.format(ttl).as_bytes(), &payload];
        words.extend(options.replace.then_some(&b"REPLACE"[..]));
        push(&mut request, &words);
        moving.push(key);
    }
    if moving.is_empty() {
        ctx.reply.simple("NOKEY");
        return Ok(());
    }
    let mut target = Target::connect(args.get(1), args.get(2), timeout)?;
    target.send(&request)?;
    let mut moved: Vec<&[u8]> = Vec::new();
    let outcome = receive(&mut target, &options, &moving, &mut moved);
    // What has arrived there goes here, whatever became of the rest.
    for key in &moved {
        ctx.delete(key);
        ctx.changed(key, class::GENERIC, "del");
    }
    if moved.is_empty() {
        ctx.propagate_nothing();
    } else {
        ctx.propagate_as(&[&[&b"DEL"[..]], moved.as_slice()].concat());
    }
    outcome?;
    ctx.reply.ok();
    Ok(())
}

/// Reads the answers; keys that the other server has now, and that are not only copied, are added to `moved`.
fn receive<'a>(
    target: &mut Target,
    options: &Options<'_>,
    moving: &[&'a [u8]],
    moved: &mut Vec<&'a [u8]>,
) -> CommandResult {
    let refused = |text: &[u8]| CommandError::text([b"ERR Target instance replied with error: ", text].concat());
    let mut error = None;
    let preamble = 1 + usize::from(!options.credentials.is_empty());
    for _ in 0..preamble {
        if let Err(text) = target.status()? {
            error.get_or_insert(refused(&text));
        }
    }
    // Without its database, or unauthenticated, nothing that follows counts.
    let lost = error.is_some();
    for &key in moving {
        match target.status()? {
            Ok(()) if !lost && !options.copy => moved.push(key),
            Ok(()) => {}
            Err(text) => drop(error.get_or_insert(refused(&text))),
        }
    }
    error.map_or(Ok(()), Err)
}
