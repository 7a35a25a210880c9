//! redis-rs inside TLS, as a user of few rights, through a failover. Run by `ci/secure-client`, which sets the addresses.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use redis::cluster::ClusterClient;
use redis::sentinel::{SentinelClientBuilder, SentinelServerType};
use redis::{
    ClientTlsConfig, Connection, ConnectionAddr, ConnectionInfo, ConnectionLike, IntoConnectionInfo, RedisResult,
    TlsCertificates, TlsMode,
};

const PATIENCE: Duration = Duration::from_secs(30);

fn variable(name: &str) -> Result<String> {
    std::env::var(name).with_context(|| format!("{name} is not set; run ci/secure-client"))
}

fn certificates() -> Result<TlsCertificates> {
    let read = |name: &str| -> Result<Vec<u8>> { Ok(std::fs::read(Path::new(&variable(name)?))?) };
    let client_tls = ClientTlsConfig { client_cert: read("REDIS_TLS_CERT")?, client_key: read("REDIS_TLS_KEY")? };
    Ok(TlsCertificates { client_tls: Some(client_tls), root_cert: Some(read("REDIS_TLS_CA_CERT")?) })
}

/// The addresses that a variable lists.
fn addresses(name: &str) -> Result<Vec<ConnectionAddr>> {
    variable(name)?
        .split(',')
        .map(|address| {
            let (host, port) = address.rsplit_once(':').context("an address without a port")?;
            Ok(ConnectionAddr::TcpTls { host: host.into(), port: port.parse()?, insecure: false, tls_params: None })
        })
        .collect()
}

/// User name and password of a URL.
fn login(url: &str) -> Result<(String, String)> {
    let info = url.into_connection_info()?;
    let settings = info.redis_settings();
    let password = settings.password().context("a URL without a password")?;
    Ok((settings.username().unwrap_or_default().to_owned(), password.to_owned()))
}

/// Finds the current master.
type Connect = Box<dyn FnMut() -> RedisResult<Box<dyn ConnectionLike>>>;

fn connector() -> Result<(Connect, &'static str)> {
    let (user, password) = login(&variable("REDIS_URL")?)?;
    if std::env::var_os("REDIS_CLUSTER").is_some() {
        let info = |address: ConnectionAddr| -> Result<ConnectionInfo> { Ok(address.into_connection_info()?) };
        let nodes = addresses("REDIS_CLUSTER")?.into_iter().map(info).collect::<Result<Vec<_>>>()?;
        let client = ClusterClient::builder(nodes)
            .username(user)
            .password(password)
            .tls(TlsMode::Secure)
            .certs(certificates()?)
            .response_timeout(Duration::from_secs(2))
            .connection_timeout(Duration::from_secs(2))
            .build()?;
        return Ok((Box::new(move || Ok(Box::new(client.get_connection()?))), "@owner=app:1"));
    }
    let (_, watcher) = login(&variable("REDIS_SENTINEL_1_URL")?)?;
    let master = variable("REDIS_SENTINEL_MASTER")?;
    let mut client = SentinelClientBuilder::new(addresses("REDIS_SENTINELS")?, master, SentinelServerType::Master)?
        .set_client_to_redis_tls_mode(TlsMode::Secure)
        .set_client_to_redis_username(user)
        .set_client_to_redis_password(password)
        .set_client_to_redis_certificates(certificates()?)
        .set_client_to_sentinel_tls_mode(TlsMode::Secure)
        .set_client_to_sentinel_password(watcher)
        .set_client_to_sentinel_certificates(certificates()?)
        .build()?;
    let connect = move || -> RedisResult<Box<dyn ConnectionLike>> {
        let connection: Connection = client.get_connection()?;
        connection.set_read_timeout(Some(Duration::from_secs(2)))?;
        Ok(Box::new(connection))
    };
    Ok((Box::new(connect), "@master"))
}

/// Asks until there is an answer; returns it with the time that it took.
fn ask<T: redis::FromRedisValue>(
    connect: &mut Connect,
    open: &mut Option<Box<dyn ConnectionLike>>,
    command: &redis::Cmd,
) -> Result<(T, Duration)> {
    let began = Instant::now();
    loop {
        let answer = open.take().map_or_else(&mut *connect, Ok).and_then(|mut connection| {
            let answer = command.query(&mut *connection)?;
            *open = Some(connection);
            Ok(answer)
        });
        match answer {
            Ok(answer) => return Ok((answer, began.elapsed())),
            Err(error) => ensure!(began.elapsed() < PATIENCE, "the client finds no new master: {error}"),
        }
    }
}

fn main() -> Result<()> {
    let installed = rustls::crypto::ring::default_provider().install_default();
    ensure!(installed.is_ok(), "there is another provider already");
    let (mut connect, victim) = connector()?;
    let mut open = None;
    let key = |number: u32| format!("app:{number}");
    let mut write = |numbers: std::ops::Range<u32>| -> Result<Duration> {
        let mut longest = Duration::ZERO;
        for number in numbers {
            let command = redis::cmd("SET").arg(key(number)).arg(number).to_owned();
            let (answer, took): (String, _) = ask(&mut connect, &mut open, &command)?;
            ensure!(answer == "OK", "SET says {answer}");
            longest = longest.max(took);
        }
        Ok(longest)
    };
    write(0..300)?;
    let runner = variable("runner")?;
    let killed = Command::new(runner).args(["kill", victim, "--name", &variable("REDIS_TOPOLOGY")?]).output()?;
    ensure!(killed.status.success(), "{}", String::from_utf8_lossy(&killed.stderr));
    let outage = write(300..600)?;
    for number in 0..600 {
        let (answer, _): (u32, _) = ask(&mut connect, &mut open, redis::cmd("GET").arg(key(number)))?;
        ensure!(answer == number, "{} is {answer}", key(number));
    }
    let mut connection = open.context("no connection")?;
    let refused = redis::cmd("SET").arg("other").arg(1).query::<()>(&mut *connection);
    ensure!(refused.is_err_and(|error| error.code() == Some("NOPERM")), "a key that is none of this user's business");
    println!("ok: redis-rs: 600 writes through a failover (longest {:.1} s), all there", outage.as_secs_f64());
    Ok(())
}
