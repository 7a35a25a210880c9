//! Loading the append-only file: executing the commands that were read, without propagating or replying.

use std::sync::atomic::AtomicU64;

use crate::base::ids::ClientId;
use crate::base::log::{Level, log};
use crate::config::file::os_text;
use crate::persistence::aof::{AofFile, Commands, Manifest, ReadOptions, Step, read_set};
use crate::persistence::state::Loading;
use crate::resp::Args;
use crate::server::client::{Client, ClientFlags};
use crate::server::state::Server;

impl Server {
    /// Reads the manifest; a single file of an older version is moved into the directory as the base.
    ///
    /// # Errors
    /// The text of a log line.
    pub fn find_aof(&mut self) -> Result<(), String> {
        let (directory, name) = (self.aof_directory(), self.aof_name());
        let manifest = directory.join(format!("{name}.manifest"));
        self.persistence.aof.manifest =
            Manifest::read(&manifest).map_err(|error| error.to_string())?.unwrap_or_default();
        let old = self.config.dir.as_path().join(&name);
        let found = &self.persistence.aof.manifest;
        // The process may have died after writing the manifest, but before moving the file.
        let half_moved = found.incr.is_empty()
            && found.base.as_ref().is_some_and(|base| base.name == name && !directory.join(&base.name).exists());
        if !old.is_file() || !(found.is_empty() || half_moved) {
            return Ok(());
        }
        log(
            Level::Notice,
            &format!(
                "Successfully migrated an old-style AOF configuration ({name}) into the AOF directory ({}).",
                self.config.appenddirname
            ),
        );
        let upgraded =
            Manifest { base: Some(AofFile { name: name.clone(), seq: 1 }), base_seq: 1, ..Manifest::default() };
        std::fs::create_dir_all(&directory)
            .and_then(|()| upgraded.persist(&directory, &name))
            .and_then(|()| std::fs::rename(&old, directory.join(&name)))
            .and_then(|()| crate::persistence::aof::manifest::sync_directory(&directory))
            .map_err(|error| format!("Error trying to move the old AOF file {name} into dir: {}", os_text(&error)))?;
        self.persistence.aof.manifest = upgraded;
        Ok(())
    }

    /// The settings for reading the set.
    pub fn aof_read_options(&self) -> ReadOptions {
        ReadOptions { load: self.load_options(false), load_truncated: self.config.aof_load_truncated }
    }

    /// Applies one step of reading.
    ///
    /// # Errors
    /// The text of a log line about a command that this server does not know.
    pub fn replay(&mut self, loader: &mut Client, step: Step) -> Result<(), String> {
        match step {
            Step::Begin(name) => {
                loader.db = 0;
                loader.name = name.into_bytes();
            }
            Step::Note(text) => log(Level::Notice, &text),
            Step::Warning(text) => log(Level::Warning, &text),
            Step::Rdb(loaded) => {
                loaded.report();
                self.install(*loaded)?;
            }
            Step::Commands(commands) => return self.replay_commands(loader, &commands),
        }
        Ok(())
    }

    /// The same on the stack for scripts, so that a slow one can be suspended. `done` gets the session and the outcome. False
    /// if one was: then [`Self::resume_script`] is called until it returns true.
    ///
    /// # Errors
    /// There is no memory for the stack.
    pub fn replay_on_stack(
        &mut self,
        mut loader: Box<Client>,
        step: Step,
        done: impl FnOnce(Box<Client>, Result<(), String>) + 'static,
    ) -> Result<bool, String> {
        self.scripting.stack.can_suspend = true;
        let ended = self.run_on_stack(ClientId::NOBODY, move |server| {
            let result = server.replay(&mut loader, step);
            done(loader, result);
        });
        self.scripting.stack.can_suspend = false;
        Ok(ended?)
    }

    fn replay_commands(&mut self, loader: &mut Client, commands: &Commands) -> Result<(), String> {
        self.begin_batch(crate::base::clock::now_ms());
        if let Some(loading) = &mut self.persistence.loading {
            loading.loaded = commands.offset;
        }
        let mut start = 0;
        for &end in &commands.ends {
            let args = Args::new(&commands.data, &commands.words[start..end]);
            start = end;
            let Ok(command) = self.resolve(&args) else {
                let name = String::from_utf8_lossy(args.get(0)).into_owned();
                let file = String::from_utf8_lossy(&loader.name);
                return Err(format!("Unknown command '{name}' reading the append only file {file}"));
            };
            self.replay_command(loader, command, &args);
        }
        Ok(())
    }

    /// A session in which the commands of the file run.
    pub fn aof_loader(&self) -> Client {
        let mut client = Client::new(ClientId::NOBODY, self.time.now, Default::default());
        client.flags.insert(ClientFlags::PRIMARY);
        client
    }

    /// Reloads the dataset from the files with the lock held: DEBUG LOADAOF.
    ///
    /// # Errors
    /// The text of a log line; the dataset then holds what was read until then.
    pub fn reload_aof(&mut self) -> Result<(), String> {
        self.finish_running_snapshot();
        if self.persistence.aof.is_on() {
            self.flush_aof(true);
        } else {
            self.find_aof()?;
        }
        self.keyspace.flush(None, false);
        let (directory, manifest, options) =
            (self.aof_directory(), self.persistence.aof.manifest.clone(), self.aof_read_options());
        let listening = std::mem::replace(&mut self.effects.listening, false);
        let was_loading = self.persistence.loading.replace(Loading::new(self.time.now, 0, false));
        let mut loader = self.aof_loader();
        let result =
            read_set(&directory, &manifest, &options, &AtomicU64::new(0), &mut |step| self.replay(&mut loader, step));
        self.persistence.loading = was_loading;
        self.effects.listening = listening;
        self.persistence.dirty = 0;
        result.map(drop).map_err(|error| error.to_string())
    }
}
