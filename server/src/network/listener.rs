//! Accepts connections.

use tokio::net::TcpListener;

use super::Shared;
use super::connection;

/// Accepts for ever.
pub async fn accept(listener: TcpListener, shared: Shared) {
    loop {
        let Ok((stream, peer)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        tokio::spawn(connection::serve(stream, peer, shared.clone()));
    }
}
