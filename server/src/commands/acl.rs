//! The ACL command. The rules themselves are in `acl/`; here they are read from and shown to clients.

use crate::acl::user::DEFAULT;
use crate::acl::{Catalogue, Denial, Selector, User, Users, selector};
use crate::base::log::{Level, log};
use crate::base::numbers::parse_i64;
use crate::base::random::fill_from_os;
use crate::config::file::os_text;
use crate::config::rewrite::write_atomically;
use crate::dispatch::acl::permits_user;
use crate::resp::{Args, Reply};
use crate::server::error::*;
use crate::server::state::Server;
use crate::server::{CommandError, CommandResult, Family, Handler, ServerContext};

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("acl|cat", Handler::Server(cat)),
    ("acl|deluser", Handler::Server(deluser)),
    ("acl|dryrun", Handler::Server(dryrun)),
    ("acl|genpass", Handler::Server(genpass)),
    ("acl|getuser", Handler::Server(getuser)),
    ("acl|help", Handler::Server(help)),
    ("acl|list", Handler::Server(list)),
    ("acl|load", Handler::Server(load)),
    ("acl|log", Handler::Server(show_log)),
    ("acl|save", Handler::Server(save)),
    ("acl|setuser", Handler::Server(setuser)),
    ("acl|users", Handler::Server(users)),
    ("acl|whoami", Handler::Server(whoami)),
];

/// The most bits that ACL GENPASS generates.
const MOST_BITS: i64 = 4096;
/// How many entries ACL LOG shows by default.
const SHOWN_ENTRIES: i64 = 10;

/// Refuses more words than a subcommand takes, where Redis's handler does so rather than the arity.
fn check_count(args: &Args<'_>, most: usize) -> CommandResult {
    if args.len() <= most {
        return Ok(());
    }
    let name = shown(args.get(1), 128);
    Err(CommandError::text(
        [b"ERR unknown subcommand or wrong number of arguments for '", name, b"'. Try ACL HELP."].concat(),
    ))
}

/// `ACL SETUSER username [rule [rule ...]]`: all rules, or none.
fn setuser(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let name = args.get(2);
    if selector::has_blanks(name) {
        return Err(CommandError::Static("ERR Usernames can't contain spaces or null characters"));
    }
    let mut book = ctx.server.acl.rulebook(&ctx.server.config);
    let rules: Vec<&[u8]> = args.from(3).collect();
    let user = match ctx.server.acl.users().get(name) {
        Some(user) => user.with_rules(&mut book, &rules),
        None => User::new(name, &book).with_rules(&mut book, &rules),
    };
    warn_of_discouraged(&book.discouraged);
    let user = user.map_err(|error| CommandError::text([b"ERR ", &*error.text()].concat()))?;
    ctx.server.put_user(ctx.client, user);
    ctx.reply().ok();
    Ok(())
}

/// Logs a warning about rules that allow a command with one first argument only, which Redis deprecates.
pub fn warn_of_discouraged(rules: &[Vec<u8>]) {
    for rule in rules {
        let rule = String::from_utf8_lossy(rule);
        log(
            Level::Warning,
            &format!(
                "Deprecation warning: Allowing a first arg of an otherwise blocked command is a misuse of ACL and may get disabled in the future (offender: +{rule})"
            ),
        );
    }
}

/// `ACL DELUSER username [username ...]`.
fn deluser(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    if args.from(2).any(|name| name == DEFAULT) {
        return Err(CommandError::Static("ERR The 'default' user cannot be removed"));
    }
    let mut deleted = 0;
    for name in args.from(2) {
        if ctx.server.acl.remove_user(name).is_some() {
            deleted += 1;
            ctx.server.end_sessions_of(ctx.client, |user| user.name == name);
        }
    }
    ctx.reply().integer(deleted);
    Ok(())
}

/// Replies with the three fields that describe a selector: commands, keys, channels.
fn describe(reply: &mut Reply<'_>, selector: &Selector, catalogue: &Catalogue) {
    let fields = [
        ("commands", selector.describe_commands(catalogue)),
        ("keys", selector.describe_keys()),
        ("channels", selector.describe_channels()),
    ];
    for (name, value) in fields {
        reply.bulk(name.as_bytes());
        reply.bulk(&value);
    }
}

/// `ACL GETUSER username`.
fn getuser(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let acl = &ctx.server.acl;
    let mut reply = ctx.client.reply();
    let Some(user) = acl.users().get(args.get(2)) else {
        reply.null();
        return Ok(());
    };
    reply.map(6);
    reply.bulk(b"flags");
    let flags = user.flags();
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk(flag.as_bytes()));
    reply.bulk(b"passwords");
    reply.bulks(user.passwords.iter().map(|hash| hash.digits()));
    describe(&mut reply, user.root(), acl.catalogue);
    reply.bulk(b"selectors");
    reply.array(user.others().len());
    for selector in user.others() {
        reply.map(3);
        describe(&mut reply, selector, acl.catalogue);
    }
    Ok(())
}

/// `ACL LIST`.
fn list(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    let acl = &ctx.server.acl;
    let lines: Vec<Vec<u8>> = acl.users().iter().map(|user| Users::line(user, acl.catalogue)).collect();
    ctx.client.reply().bulks(lines.iter().map(Vec::as_slice));
    Ok(())
}

/// `ACL USERS`.
fn users(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    ctx.client.reply().bulks(ctx.server.acl.users().iter().map(|user| user.name.as_slice()));
    Ok(())
}

/// `ACL WHOAMI`.
fn whoami(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    match ctx.client.user().cloned() {
        Some(user) => ctx.reply().bulk(&user.name),
        None => ctx.reply().null(),
    }
    Ok(())
}

/// `ACL CAT [category]`.
fn cat(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    check_count(args, 3)?;
    let catalogue = ctx.server.acl.catalogue;
    let Some(name) = args.at(2) else {
        ctx.reply().bulks(catalogue.categories.iter().map(|name| name.as_bytes()));
        return Ok(());
    };
    let Some(category) = catalogue.category(name) else {
        return Err(CommandError::text([b"ERR Unknown category '", shown(name, 128), b"'"].concat()));
    };
    let facts = catalogue.of_category(category).map(|id| catalogue.fact(id)).filter(|fact| fact.is_standard);
    let names: Vec<&str> = facts.map(|fact| fact.name).collect();
    ctx.reply().bulks(names.iter().map(|name| name.as_bytes()));
    Ok(())
}

/// `ACL GENPASS [bits]`.
fn genpass(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    check_count(args, 3)?;
    let bits = args.at(2).map_or(Ok(256), |word| parse_i64(word).ok_or(NOT_INTEGER))?;
    if !(1..=MOST_BITS).contains(&bits) {
        return Err(CommandError::text(format!(
            "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to {MOST_BITS}"
        )));
    }
    let digits = (bits as usize).div_ceil(4);
    let mut random = vec![0; digits];
    fill_from_os(&mut random);
    let password: String = random.iter().map(|byte| char::from(b"0123456789abcdef"[usize::from(byte & 15)])).collect();
    ctx.reply().bulk(password.as_bytes());
    Ok(())
}

/// `ACL LOG [count|RESET]`.
fn show_log(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    check_count(args, 3)?;
    if args.at(2).is_some_and(|word| word.eq_ignore_ascii_case(b"reset")) {
        ctx.server.acl.log.clear();
        ctx.reply().ok();
        return Ok(());
    }
    let wanted = args.at(2).map_or(Ok(SHOWN_ENTRIES), |word| parse_i64(word).ok_or(NOT_INTEGER))?;
    let (now, entries) = (ctx.server.time.now, ctx.server.acl.log.iter());
    let count = usize::try_from(wanted).unwrap_or(0).min(entries.len());
    let mut reply = ctx.client.reply();
    reply.array(count);
    for entry in entries.take(count) {
        reply.map(7);
        reply.bulk(b"count");
        reply.integer(entry.count as i64);
        for (field, value) in [
            ("reason", entry.reason.name().as_bytes()),
            ("context", entry.context.name().as_bytes()),
            ("object", &entry.object),
            ("username", &entry.username),
        ] {
            reply.bulk(field.as_bytes());
            reply.bulk(value);
        }
        reply.bulk(b"age-seconds");
        reply.double((now - entry.at) as f64 / 1000.0);
        reply.bulk(b"client-info");
        reply.bulk(&entry.client);
    }
    Ok(())
}

/// `ACL DRYRUN username command [argument ...]`: whether the user may run it.
fn dryrun(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let Some(user) = ctx.server.acl.users().get(args.get(2)) else {
        return Err(CommandError::text([b"ERR User '", shown(args.get(2), usize::MAX), b"' not found"].concat()));
    };
    let line = args.skip(3);
    let command = ctx.server.registry.find(line.get(0)).and_then(|command| match line.at(1) {
        Some(word) if command.is_container() => command.subcommand(word),
        _ => Some(command),
    });
    let Some(command) = command else {
        return Err(CommandError::text([b"ERR Command '", shown(line.get(0), usize::MAX), b"' not found"].concat()));
    };
    if !command.accepts(line.len()) {
        return Err(wrong_arity(command.name));
    }
    let denied = |what: &[u8], kind: &str| {
        let kind = format!("' {kind}");
        [b"This user has no permissions to access the '", shown(what, usize::MAX), kind.as_bytes()].concat()
    };
    let verdict = match permits_user(user, command, &line) {
        Ok(()) => {
            ctx.reply().ok();
            return Ok(());
        }
        Err(Denial::Command) => {
            format!("This user has no permissions to run the '{}' command", command.name).into_bytes()
        }
        Err(Denial::Key(index)) => denied(line.get(index), "key"),
        Err(Denial::Channel(index)) => denied(line.get(index), "channel"),
    };
    ctx.reply().bulk(&verdict);
    Ok(())
}

const NO_FILE: CommandError = CommandError::Static(
    "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users in the Redis configuration.",
);

/// The users in the ACL file.
///
/// # Errors
/// Everything that is wrong with the file, in one line.
pub fn read_file(server: &Server) -> Result<Users, Vec<u8>> {
    let file = &server.config.aclfile;
    let path = file.to_string_lossy();
    let text = std::fs::read(file.as_path())
        .map_err(|error| format!("Error loading ACLs, opening file '{path}': {}", os_text(&error)).into_bytes())?;
    let mut book = server.acl.rulebook(&server.config);
    let users = Users::from_file(&text, &path, &mut book);
    warn_of_discouraged(&book.discouraged);
    users
}

/// `ACL LOAD`: the users of the ACL file, all or none.
fn load(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    if ctx.server.config.aclfile.is_empty() {
        return Err(NO_FILE);
    }
    let users = read_file(ctx.server).map_err(|errors| CommandError::text([b"ERR ", &*errors].concat()))?;
    ctx.server.replace_users(ctx.client, users);
    ctx.reply().ok();
    Ok(())
}

/// `ACL SAVE`: the users into the ACL file.
fn save(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    let file = &ctx.server.config.aclfile;
    if file.is_empty() {
        return Err(NO_FILE);
    }
    let text = ctx.server.acl.users().to_file(ctx.server.acl.catalogue);
    if let Err(error) = write_atomically(file.as_path(), &text) {
        log(Level::Warning, &format!("Writing ACL file for ACL SAVE: {}", os_text(&error)));
        return Err(CommandError::Static(
            "ERR There was an error trying to save the ACLs. Please check the server logs for more information",
        ));
    }
    ctx.reply().ok();
    Ok(())
}

/// `ACL HELP`.
fn help(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    super::help(
        &mut ctx.reply(),
        "ACL",
        &[
            "CAT [<category>]",
            "    Show the commands of <category>, or the names of all categories.",
            "DELUSER <username> [<username> ...]",
            "    Remove users, and end their connections.",
            "DRYRUN <username> <command> [<arg> ...]",
            "    Tell whether a user might run a command, without running it.",
            "GETUSER <username>",
            "    Show what a user may do.",
            "GENPASS [<bits>]",
            "    Make a random password, of 256 bits or as many as asked for.",
            "LIST",
            "    Show all users as lines of a configuration file.",
            "LOAD",
            "    Replace the users by those in the ACL file.",
            "LOG [<count> | RESET]",
            "    Show what was refused lately, or forget it.",
            "SAVE",
            "    Write the users into the ACL file.",
            "SETUSER <username> <attribute> [<attribute> ...]",
            "    Make a user, or change one's rules.",
            "USERS",
            "    Show the names of all users.",
            "WHOAMI",
            "    Show the name of this connection's user.",
        ],
    );
    Ok(())
}
