//! Connections to planned nodes: a single one, or one to each node, opened when it is first needed and again after it broke.

use crate::client::{Address, Client, Reply, encode, fields};
use crate::failure::{Doing, Outcome};
use crate::plan::NodePlan;
use std::collections::HashMap;
use std::time::Duration;

/// Connections by node. Errors are texts to show to a person: a node that does not answer is expected here.
#[derive(Debug)]
pub struct Pool {
    patience: Duration,
    clients: HashMap<String, Client>,
}

impl Pool {
    /// No connections yet; `patience` bounds every wait.
    pub fn new(patience: Duration) -> Self {
        Self { patience, clients: HashMap::new() }
    }

    /// Calls a command; the reply may be an error of the node's.
    pub async fn call<A: AsRef<[u8]>>(&mut self, node: &NodePlan, command: &[A]) -> Result<Reply, String> {
        let mut client = self.take(node).await?;
        // A connection that failed is not put back.
        let reply = client.call(command).await.map_err(|error| error.to_string())?;
        self.put(node, client);
        Ok(reply)
    }

    /// Calls a command that must not be answered with an error.
    pub async fn must<A: AsRef<[u8]>>(&mut self, node: &NodePlan, command: &[A]) -> Result<Reply, String> {
        match self.call(node, command).await? {
            Reply::Error(error) => Err(error),
            reply => Ok(reply),
        }
    }

    /// Calls commands in one go; none of them may be answered with an error.
    pub async fn pipeline(&mut self, node: &NodePlan, commands: &[Vec<Vec<u8>>]) -> Result<Vec<Reply>, String> {
        let mut client = self.take(node).await?;
        let bytes: Vec<u8> = commands.iter().flat_map(|command| encode(command)).collect();
        client.send(&bytes).await.map_err(|error| error.to_string())?;
        let mut replies = Vec::new();
        for _ in commands {
            replies.push(client.read_reply().await.map_err(|error| error.to_string())?);
        }
        self.put(node, client);
        let error = replies.iter().find_map(|reply| match reply {
            Reply::Error(error) => Some(error.clone()),
            _ => None,
        });
        error.map_or(Ok(replies), Err)
    }

    /// The fields of a section of INFO.
    pub async fn info(&mut self, node: &NodePlan, section: &str) -> Result<HashMap<String, String>, String> {
        let reply = self.must(node, &["INFO", section]).await?;
        Ok(fields(&reply.text().unwrap_or_default()))
    }

    /// The node's connection, for more than one call at a time; the caller puts it back as long as it works.
    pub async fn take(&mut self, node: &NodePlan) -> Result<Client, String> {
        match self.clients.remove(&node.name) {
            Some(client) => Ok(client),
            None => connect(node, self.patience).await.map_err(|failure| failure.message),
        }
    }

    /// Gives a connection back.
    pub fn put(&mut self, node: &NodePlan, client: Client) {
        self.clients.insert(node.name.clone(), client);
    }
}

/// Connects to a node, past all network faults, authenticated as its configuration demands.
pub async fn connect(node: &NodePlan, patience: Duration) -> Outcome<Client> {
    connect_at(node, node.address(), patience).await
}

/// Connects to a node as clients and other nodes do: through its front, if it has one.
pub async fn connect_as_client(node: &NodePlan, patience: Duration) -> Outcome<Client> {
    connect_at(node, node.announced(), patience).await
}

async fn connect_at(node: &NodePlan, address: Address, patience: Duration) -> Outcome<Client> {
    let mut client = Client::connect_with(&address, patience, node.tls.as_ref())
        .await
        .doing(|| format!("connect to {} at {address}", node.name))?;
    if let Some(password) = &node.password {
        let words: Vec<&str> = ["AUTH"].into_iter().chain(node.user.as_deref()).chain([password.as_str()]).collect();
        client.call(&words).await.doing(|| format!("authenticate at {}", node.name))?;
    }
    Ok(client)
}
