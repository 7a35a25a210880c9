//! The handles of a topology that is up, and the thread that works for them.

use super::stage::Stage;
use crate::client::Reply;
use crate::failure::{Doing, Outcome};
use crate::fleet::Action;
use std::sync::{Arc, mpsc};
use tokio::runtime::{Builder, Runtime};

/// A thread with a runtime of its own: the user of a topology may have another runtime, or none.
#[derive(Debug)]
pub(super) struct Work {
    // Taken by `drop` only.
    runtime: Option<Runtime>,
}

impl Work {
    pub(super) fn begin() -> Outcome<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("runner-testing").enable_all().build();
        Ok(Self { runtime: Some(runtime.doing(|| "start a thread".into())?) })
    }

    /// Does some work; the caller's thread waits for it.
    pub(super) fn wait<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        let (tell, told) = mpsc::channel();
        self.runtime().spawn(async move {
            // The caller waits for it.
            let _ = tell.send(work.await);
        });
        told.recv().expect("the work ends without a panic")
    }

    /// Does some work; it can be awaited on any runtime.
    pub(super) async fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        self.runtime().spawn(work).await.expect("the work ends without a panic")
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("it is there until the end")
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // To wait for it is forbidden within another runtime.
            runtime.shutdown_background();
        }
    }
}

/// A topology that is up, until this is dropped.
#[derive(Debug)]
pub struct Running {
    stage: Arc<Stage>,
    work: Work,
}

impl Running {
    pub(super) fn new(work: Work, stage: Stage) -> Self {
        Self { stage: Arc::new(stage), work }
    }

    /// The URL of the node that a selector currently means: a name, `@master`, `@replica:2`, `@owner=user:1`.
    ///
    /// # Panics
    ///
    /// Where it means none; a test ends then.
    #[track_caller]
    pub fn url(&self, selector: &str) -> String {
        let (stage, asked) = (self.stage.clone(), selector.to_owned());
        match self.work.wait(async move { stage.url(&asked).await }) {
            Ok(url) => url,
            Err(failure) => panic!("{failure}"),
        }
    }

    /// All nodes: their names and where they are, `127.0.0.1:20000`.
    pub fn addresses(&self) -> Vec<(String, String)> {
        self.stage.addresses()
    }

    /// The variables of `runner env`: REDIS_URL for the current master, REDIS_SENTINELS, REDIS_CLUSTER, and so on.
    pub fn environment(&self) -> Vec<(String, String)> {
        let stage = self.stage.clone();
        self.work.wait(async move { stage.environment().await })
    }

    /// Calls a command at a node; an error of the node's is a reply, too.
    pub fn call(&self, selector: &str, words: &[&str]) -> Outcome<Reply> {
        let (stage, selector) = (self.stage.clone(), selector.to_owned());
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        self.work.wait(async move { stage.call(&selector, &words).await })
    }

    /// Ends a node at once, with SIGKILL.
    pub fn kill(&self, selector: &str) -> Outcome<()> {
        let (stage, selector) = (self.stage.clone(), selector.to_owned());
        self.work.wait(async move { stage.act(&selector, Action::Kill).await })
    }

    /// Ends a node with SIGTERM: it saves its data as configured.
    pub fn stop(&self, selector: &str) -> Outcome<()> {
        let (stage, selector) = (self.stage.clone(), selector.to_owned());
        self.work.wait(async move { stage.act(&selector, Action::Stop).await })
    }

    /// Ends a node with SIGTERM and starts it again, or starts it if it does not run, and waits until it answers.
    pub fn restart(&self, selector: &str) -> Outcome<()> {
        let (stage, selector) = (self.stage.clone(), selector.to_owned());
        self.work.wait(async move { stage.act(&selector, Action::Restart).await })
    }

    /// Stops a node's process with SIGSTOP: it keeps its connections and does not answer.
    pub fn pause(&self, selector: &str) -> Outcome<()> {
        let (stage, selector) = (self.stage.clone(), selector.to_owned());
        self.work.wait(async move { stage.act(&selector, Action::Pause).await })
    }

    /// Continues a paused node with SIGCONT.
    pub fn resume(&self, selector: &str) -> Outcome<()> {
        let (stage, selector) = (self.stage.clone(), selector.to_owned());
        self.work.wait(async move { stage.act(&selector, Action::Resume).await })
    }

    /// Makes or heals a network fault in the words of `runner fault`: `partition @master -x- *`, `heal`. The topology needs
    /// `faults`.
    pub fn fault(&self, words: &str) -> Outcome<()> {
        let (stage, words) = (self.stage.clone(), words.to_owned());
        self.work.wait(async move { stage.fault(&words).await })
    }

    /// Waits until all nodes that run agree: one master, which takes over the work of one that is gone, every replica in
    /// sync with it, every Sentinel naming it; in a cluster every slot with a master that runs, in everybody's eyes.
    pub fn wait_agreed(&self) -> Outcome<()> {
        let stage = self.stage.clone();
        self.work.wait(async move { stage.wait_agreed().await })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let stage = self.stage.clone();
        self.work.wait(async move { stage.down().await });
    }
}

/// A topology that is up, until this is dropped, for asynchronous tests.
#[derive(Debug)]
pub struct AsyncRunning {
    stage: Arc<Stage>,
    work: Work,
}

impl AsyncRunning {
    pub(super) fn new(work: Work, stage: Stage) -> Self {
        Self { stage: Arc::new(stage), work }
    }

    /// The URL of the node that a selector currently means: a name, `@master`, `@replica:2`, `@owner=user:1`.
    ///
    /// # Panics
    ///
    /// Where it means none; a test ends then.
    pub async fn url(&self, selector: &str) -> String {
        let (stage, asked) = (self.stage.clone(), selector.to_owned());
        match self.work.spawn(async move { stage.url(&asked).await }).await {
            Ok(url) => url,
            Err(failure) => panic!("{failure}"),
        }
    }

    /// All nodes: their names and where they are, `127.0.0.1:20000`.
    pub fn addresses(&self) -> Vec<(String, String)> {
        self.stage.addresses()
    }

    /// The variables of `runner env`: REDIS_URL for the current master, REDIS_SENTINELS, REDIS_CLUSTER, and so on.
    pub async fn environment(&self) -> Vec<(String, String)> {
        let stage = self.stage.clone();
        self.work.spawn(async move { stage.environment().await }).await
    }

    /// Calls a command at a node; an error of the node's is a reply, too.
    pub async fn call(&self, selector: &str, words: &[&str]) -> Outcome<Reply> {
        let (stage, selector) = (self.stage.clone(), selector.to_owned());
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        self.work.spawn(async move { stage.call(&selector, &words).await }).await
    }

    /// Ends a node at once, with SIGKILL.
    pub async fn kill(&self, selector: &str) -> Outcome<()> {
        let (stage, selector) = (self.stage.clone(), selector.to_owned());
        self.work.spawn(async move { stage.act(&selector, Action::Kill).await }).await
    }

    /// Ends a node with SIGTERM: it saves its data as configured.
    pub async fn stop(&self, selector: &str) -> Outcome<()> {
        let (stage, selector) = (self.stage.clone(), selector.to_owned());
        self.work.spawn(async move { stage.act(&selector, Action::Stop).await }).await
    }

    /// Ends a node with SIGTERM and starts it again, or starts it if it does not run, and waits until it answers.
    pub async fn restart(&self, selector: &str) -> Outcome<()> {
        let (stage, selector) = (self.stage.clone(), selector.to_owned());
        self.work.spawn(async move { stage.act(&selector, Action::Restart).await }).await
    }

    /// Stops a node's process with SIGSTOP: it keeps its connections and does not answer.
    pub async fn pause(&self, selector: &str) -> Outcome<()> {
        let (stage, selector) = (self.stage.clone(), selector.to_owned());
        self.work.spawn(async move { stage.act(&selector, Action::Pause).await }).await
    }

    /// Continues a paused node with SIGCONT.
    pub async fn resume(&self, selector: &str) -> Outcome<()> {
        let (stage, selector) = (self.stage.clone(), selector.to_owned());
        self.work.spawn(async move { stage.act(&selector, Action::Resume).await }).await
    }

    /// Makes or heals a network fault in the words of `runner fault`: `partition @master -x- *`, `heal`. The topology needs
    /// `faults`.
    pub async fn fault(&self, words: &str) -> Outcome<()> {
        let (stage, words) = (self.stage.clone(), words.to_owned());
        self.work.spawn(async move { stage.fault(&words).await }).await
    }

    /// Waits until all nodes that run agree: one master, which takes over the work of one that is gone, every replica in
    /// sync with it, every Sentinel naming it; in a cluster every slot with a master that runs, in everybody's eyes.
    pub async fn wait_agreed(&self) -> Outcome<()> {
        let stage = self.stage.clone();
        self.work.spawn(async move { stage.wait_agreed().await }).await
    }
}

/// Waits for the end of the nodes, which are killed: a matter of milliseconds.
impl Drop for AsyncRunning {
    fn drop(&mut self) {
        let stage = self.stage.clone();
        self.work.wait(async move { stage.down().await });
    }
}
