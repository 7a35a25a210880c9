//! Free ports, leased: two runs on one machine never get the same one, and a live Redis keeps its own.
//!
//! A block of ports belongs to the process that holds the lock on its file; the kernel releases the lock with the process. A bind
//! check finds ports that something else holds. The range stays below the ports that Linux gives to outgoing connections
//! (32768 and up), or an unlucky client would sit on a node's port.

use crate::failure::{Doing, Failure, Outcome};
use nix::fcntl::{Flock, FlockArg};
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

const FIRST: u16 = 20_000;
const BLOCK: u16 = 16;
const BLOCKS: u16 = 600;

/// Ports that are ours while this lives.
#[derive(Debug, Default)]
pub struct Lease {
    locks: Vec<Flock<File>>,
    free: Vec<u16>,
    // Where to go on looking; starts at a place of the process's own, so that runs seldom meet.
    next_block: Option<u16>,
}

impl Lease {
    /// A lease without ports; [`Lease::take`] adds them.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next free port.
    pub fn take(&mut self) -> Outcome<u16> {
        loop {
            if let Some(port) = self.free.pop() {
                if is_free(port) {
                    return Ok(port);
                }
                continue;
            }
            self.lock_a_block()?;
        }
    }

    /// Takes over the ports of another lease.
    pub fn absorb(&mut self, other: Self) {
        self.locks.extend(other.locks);
        self.free.extend(other.free);
    }

    fn lock_a_block(&mut self) -> Outcome<()> {
        let dir = directory();
        std::fs::create_dir_all(&dir).doing(|| format!("create {}", dir.display()))?;
        let start = self.next_block.unwrap_or((std::process::id() % u32::from(BLOCKS)) as u16);
        for step in 0..BLOCKS {
            let block = (start + step) % BLOCKS;
            let path = dir.join(format!("{block}.lock"));
            let file = File::options().create(true).truncate(false).write(true).open(&path);
            let file = file.doing(|| format!("open {}", path.display()))?;
            let Ok(lock) = Flock::lock(file, FlockArg::LockExclusiveNonblock) else {
                continue;
            };
            self.locks.push(lock);
            let first = FIRST + block * BLOCK;
            self.free = (first..first + BLOCK).rev().collect();
            self.next_block = Some((block + 1) % BLOCKS);
            return Ok(());
        }
        Err(Failure::failed("no free ports are left to lease").hint("`runner gc` ends what a crash left behind"))
    }
}

/// The lock files live under the temporary directory, one set a user.
fn directory() -> PathBuf {
    std::env::temp_dir().join(format!("redis-runner-ports-{}", nix::unistd::geteuid()))
}

/// Whether no process listens on this port of the loopback interface.
pub fn is_free(port: u16) -> bool {
    try_to_bind(port).is_ok()
}

/// Binds a port of the loopback interface for a moment; the error says why nobody could listen on it.
///
/// The socket does not listen. A process that is being started on another thread has a copy of it until its program begins, and
/// a copy that listened would keep the port from whoever binds it next.
pub fn try_to_bind(port: u16) -> std::io::Result<()> {
    bound(port).map(drop)
}

fn bound(port: u16) -> std::io::Result<tokio::net::TcpSocket> {
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    Ok(socket)
}

/// The process that listens on a port, as far as /proc shows it: `pid 4711 (redis-server *:6379)`.
pub fn holder(port: u16) -> Option<String> {
    let inode = listening_inode("/proc/net/tcp", port).or_else(|| listening_inode("/proc/net/tcp6", port))?;
    match owner(inode) {
        Some(pid) => Some(format!("pid {pid} ({})", command_line(pid))),
        None => Some("a process of another user".into()),
    }
}

/// The process that listens on a port, where it is one of ours to look at.
pub fn listener(port: u16) -> Option<u32> {
    owner(listening_inode("/proc/net/tcp", port)?)
}

fn owner(inode: u64) -> Option<u32> {
    let link = format!("socket:[{inode}]");
    for process in std::fs::read_dir("/proc").ok()?.flatten() {
        let Ok(pid) = process.file_name().to_string_lossy().parse::<u32>() else {
            continue;
        };
        let Ok(open_files) = std::fs::read_dir(process.path().join("fd")) else {
            continue;
        };
        let holds = |entry: std::fs::DirEntry| {
            std::fs::read_link(entry.path()).is_ok_and(|target| target.to_string_lossy() == link)
        };
        if open_files.flatten().any(holds) {
            return Some(pid);
        }
    }
    None
}

/// The inode of the socket that listens on `port`, from a table of the kernel's.
fn listening_inode(table: &str, port: u16) -> Option<u64> {
    const LISTEN: &str = "0A";
    let wanted = format!(":{port:04X}");
    std::fs::read_to_string(table).ok()?.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let listens = fields.get(1)?.ends_with(&wanted) && *fields.get(3)? == LISTEN;
        if listens { fields.get(9)?.parse().ok() } else { None }
    })
}

fn command_line(pid: u32) -> String {
    let raw = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let text = String::from_utf8_lossy(&raw).replace(['\0', '\n'], " ");
    text.trim().chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_a_probe_keeps_nobody_from_the_port_and_a_listener_does() {
        let port = Lease::new().take().unwrap();
        let copy = bound(port).unwrap();
        assert!(is_free(port));
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert!(!is_free(port));
        drop((copy, listener));
        assert!(is_free(port));
    }

    #[test]
    fn two_leases_never_share_a_port() {
        let (mut one, mut two) = (Lease::new(), Lease::new());
        let mut ports: Vec<u16> = (0..40).map(|_| one.take().unwrap()).collect();
        ports.extend((0..40).map(|_| two.take().unwrap()));
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 80);
    }

    #[test]
    fn the_holder_of_a_port_is_named() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(holder(port).unwrap().starts_with(&format!("pid {}", std::process::id())));
        assert!(!is_free(port));
    }
}
