//! Calling machines from the network layer: when something happens to their connections, and when their time has come.

use std::convert::Infallible;
use std::time::Duration;

use tokio::sync::Notify;

use super::Shared;
use super::turn::Node;
use crate::lifecycle::machines::Driven;

/// Calls a machine whenever its time has come; `rearm` signals that this may be sooner than before.
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

/// Passes inputs to a machine; its effects are carried out when the turn ends.
pub(super) fn feed<M: Driven>(shared: &Shared, inputs: impl IntoIterator<Item = M::Input>) {
    let mut server = shared.turn();
    for input in inputs {
        server.drive(None, |machine: &mut M| machine.take(input));
    }
}
