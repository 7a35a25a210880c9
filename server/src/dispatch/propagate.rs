//! Delivers the queue of commands to the replication stream and the AOF when a unit of execution ends.

use crate::server::effects::encode_command;
use crate::server::state::Server;
use crate::slots::Handovers;

impl Server {
    /// Writes the queued commands to the stream: wrapped in MULTI and EXEC if there are several and `atomic` is set.
    pub fn flush_propagation(&mut self, atomic: bool) {
        if self.effects.queued() == 0 {
            return;
        }
        let (commands, bytes) = self.effects.take_queue();
        if self.handovers().is_some_and(Handovers::captures) {
            self.capture(&commands, &bytes);
        }
        let wrap = atomic && commands.len() > 1;
        // A destination from which every command is withheld gets no MULTI and EXEC either.
        let all = commands.iter().fold(3, |all, command| all & command.withheld);
        if wrap {
            self.propagate(commands[0].db, b"*1\r\n$5\r\nMULTI\r\n", all);
        }
        for command in &commands {
            self.propagate(command.db, &bytes[command.start..command.end], command.withheld);
        }
        if wrap {
            self.propagate(commands[commands.len() - 1].db, b"*1\r\n$4\r\nEXEC\r\n", all);
        }
        self.effects.recycle(commands, bytes);
    }

    fn propagate(&mut self, db: usize, command: &[u8], withheld: u8) {
        if withheld & 2 == 0 {
            self.replication.append(db, command);
        }
        if withheld & 1 == 0 && self.persistence.aof.records() {
            let annotation = self.config.aof_timestamp_enabled.then_some(self.time.now / 1000);
            self.persistence.aof.append(db, command, annotation);
        }
    }

    /// Adds a command that no client sent (PING, GETACK) to the replication stream.
    pub fn propagate_internal(&mut self, words: &[&[u8]]) {
        let mut bytes = Vec::new();
        encode_command(&mut bytes, words.len(), words.iter().copied());
        self.replication.append_bytes(&bytes);
    }
}
