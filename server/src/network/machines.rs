//! Machines that are called from the network layer: when something happens to their connections, and when they want to be.

use std::convert::Infallible;
use std::time::Duration;

use tokio::sync::Notify;

use super::Shared;
use super::turn::Node;
use crate::lifecycle::machines::Driven;

/// Calls a machine whenever it wants to be called; `rearm` tells that this may be sooner than it was.
pub(super) async fn call<M: Driven>(
    shared: Shared,
    tick: impl Fn() -> M::Input,
    rearm: impl Fn(&Node) -> &Notify,
) -> Infallible {
    loop {
        let pause = M::driver(&shared.peek()).and_then(|driver| driver.pause()).unwrap_or(1000);
        if pause > 0 {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(pause.unsigned_abs())) => {}
                () = rearm(&shared).notified() => continue,
            }
        }
        feed::<M>(&shared, [tick()]);
        // Others may run even if the machine has much to do.
        tokio::task::yield_now().await;
    }
}

/// Tells a machine what happened; what it decides is carried out when the turn ends.
pub(super) fn feed<M: Driven>(shared: &Shared, inputs: impl IntoIterator<Item = M::Input>) {
    let mut server = shared.turn();
    for input in inputs {
        server.drive(None, |machine: &mut M| machine.take(input));
    }
}
