//! Loading: a TOML file and `--set` options become a checked [`Config`].

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use toml::{Table, Value};

use super::Config;
use crate::address::without_secrets;
use crate::fault::Fault;

/// Reads the config at `path`, applies `overrides` (`section.key=value`), and validates the result.
///
/// # Errors
/// A [`Fault::usage`] that names the file and line, or the option, and the nearest known key or value.
pub fn load(path: &Path, overrides: &[String]) -> Result<Config> {
    let text = fs::read_to_string(path)
        .context(Fault::usage(format!("cannot read the config {}", path.display())))?;
    let mut table: Table = toml::from_str(&text).map_err(|error| in_file(path, &text, &error))?;
    let mut config = toml::from_str::<Config>(&text).map_err(|error| in_file(path, &text, &error));
    for option in overrides {
        match apply(&mut table, option)? {
            Ok(changed) => config = Ok(changed),
            // A file that is wrong by itself is reported as such, and not blamed on the option.
            Err(error) if config.is_ok() => {
                bail!(Fault::usage(format!("`--set {}`: {}", shown(option), explain(error.message()))))
            }
            Err(_) => {}
        }
    }
    let config = config?;
    config.validate()?;
    Ok(config)
}

/// A `--set` for messages, without a possible password.
pub(crate) fn shown(option: &str) -> String {
    match option.strip_prefix("fetch.mirror=") {
        // Of an address without its scheme, all that could be user and password.
        Some(mirror) if !mirror.contains("://") => match mirror.rsplit_once('@') {
            Some((_, host)) => format!("fetch.mirror=***@{host}"),
            None => option.to_owned(),
        },
        _ => without_secrets(option),
    }
}

/// Applies one `--set` to the table and parses the result. A value that is no TOML, or that fits only as a string, is taken as
/// a string, so that a shell needs no `'"cpu"'`.
fn apply(table: &mut Table, option: &str) -> Result<Result<Config, toml::de::Error>> {
    let (key, text) = option.split_once('=').ok_or_else(|| {
        Fault::usage(format!("`--set {}` is not of the form section.key=value", shown(option)))
    })?;
    let string = Value::String(text.to_owned());
    let parsed = toml::from_str::<Table>(&format!("value = {text}"));
    let value = parsed.ok().and_then(|mut parsed| parsed.remove("value")).unwrap_or_else(|| string.clone());
    let mut as_string = table.clone();
    insert(table, key, value)?;
    let outcome = table.clone().try_into::<Config>();
    if outcome.is_err() {
        insert(&mut as_string, key, string)?;
        if let Ok(config) = as_string.clone().try_into::<Config>() {
            *table = as_string;
            return Ok(Ok(config));
        }
    }
    Ok(outcome)
}

fn insert(table: &mut Table, key: &str, value: Value) -> Result<()> {
    let (parents, leaf) = key.rsplit_once('.').map_or((None, key), |(parents, leaf)| (Some(parents), leaf));
    let mut place = table;
    for part in parents.into_iter().flat_map(|parents| parents.split('.')) {
        let next = place.entry(part).or_insert_with(|| Value::Table(Table::new()));
        place = next
            .as_table_mut()
            .ok_or_else(|| Fault::usage(format!("`--set {key}=…`: `{part}` is a value, not a section")))?;
    }
    place.insert(leaf.to_owned(), value);
    Ok(())
}

fn in_file(path: &Path, text: &str, error: &toml::de::Error) -> anyhow::Error {
    let line = error.span().map(|span| 1 + text[..span.start].matches('\n').count());
    let place = line.map_or(String::new(), |line| format!(", line {line}"));
    anyhow!(Fault::usage(format!("{}{place}: {}", path.display(), explain(error.message()))))
}

/// Adds the nearest known name to serde's "unknown field `x`, expected one of `a`, `b`".
fn explain(message: &str) -> String {
    let message = without_secrets(&message.trim_end().replace('\n', "; "));
    if !message.starts_with("unknown field") && !message.starts_with("unknown variant") {
        return message;
    }
    let mut names = message.split('`').skip(1).step_by(2);
    let Some(unknown) = names.next() else { return message };
    match names.max_by(|a, b| strsim::jaro_winkler(unknown, a).total_cmp(&strsim::jaro_winkler(unknown, b))) {
        Some(nearest) => {
            let kind = if message.starts_with("unknown field") { "key" } else { "value" };
            let known = message.split_once(", ").map_or("", |(_, known)| known);
            format!("unknown {kind} `{unknown}`; did you mean `{nearest}`? ({known})")
        }
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DeviceChoice, Mirror, ScheduleKind};
    use crate::fault::kind_of;

    const MINIMAL: &str = "name = \"a\"\n[fetch]\ncorpus = \"nsmc\"\nmodel = \"scratch\"\n";

    fn read(text: &str, overrides: &[&str]) -> Result<Config> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        fs::write(&path, text).unwrap();
        load(&path, &overrides.iter().map(|s| s.to_string()).collect::<Vec<_>>())
    }

    fn check_refused(text: &str, overrides: &[&str], parts: &[&str]) {
        let error = read(text, overrides).unwrap_err();
        assert_eq!(kind_of(&error).code(), 2);
        let message = format!("{error:#}");
        parts.iter().for_each(|part| assert!(message.contains(part), "`{message}` lacks `{part}`"));
    }

    #[test]
    fn defaults_equal_those_of_the_tutorial() {
        let config = read(MINIMAL, &[]).unwrap();
        assert_eq!(config.tokenize.max_seq_length, 128);
        assert_eq!((config.train.epochs, config.train.batch_limit().rows), (3, 32));
        assert_eq!(config.train.learning_rate, 5e-5);
    }

    #[test]
    fn overrides_are_typed() {
        let sets = [
            "train.learning_rate=3e-5",
            "train.device=cpu",
            "train.schedule.kind=cosine",
            "fetch.mirror=../mirror",
            "name=2026",
            "train.epochs=1",
        ];
        let config = read(MINIMAL, &sets).unwrap();
        assert_eq!(config.train.learning_rate, 3e-5);
        assert_eq!(config.train.device, DeviceChoice::Cpu);
        assert_eq!(config.train.schedule.kind, ScheduleKind::Cosine);
        assert_eq!(config.fetch.mirror, Some(Mirror::Folder("../mirror".into())));
        assert_eq!(config.name, "2026");
    }

    #[test]
    fn an_override_can_complete_a_file() {
        let config =
            read("name = \"a\"\n[fetch]\ncorpus = \"nsmc\"\n", &["train.epochs=1", "fetch.model=scratch"]);
        assert_eq!(config.unwrap().train.epochs, 1);
    }

    #[test]
    fn unknown_names_are_refused_with_the_nearest() {
        let section = format!("{MINIMAL}[train]\nlearnig_rate = 1\n");
        check_refused(&section, &[], &["line 6", "`learnig_rate`", "did you mean `learning_rate`"]);
        check_refused(MINIMAL, &["train.epoch=3"], &["--set train.epoch=3", "did you mean `epochs`"]);
        check_refused(MINIMAL, &["fetch.corpus=nmsc"], &["`nmsc`", "`nsmc`"]);
        check_refused(MINIMAL, &["train.schedule.kind=liner"], &["did you mean `linear`"]);
        check_refused(MINIMAL, &["train.schedule.warmup=1"], &["did you mean `warmup_"]);
    }

    #[test]
    fn wrong_values_are_refused() {
        check_refused(MINIMAL, &["train.epochs=many"], &["train.epochs=many"]);
        check_refused(MINIMAL, &["train.epochs=2000000"], &["`train.epochs`"]);
        check_refused(MINIMAL, &["train.epochs"], &["section.key=value"]);
        check_refused(MINIMAL, &["name.x=1"], &["not a section"]);
        check_refused(MINIMAL, &["name=../../etc"], &["`name`"]);
        check_refused(MINIMAL, &["train.device=gpu"], &["cuda:N"]);
        check_refused(MINIMAL, &["task=masked_lm", "masked_lm.probability=1"], &["`masked_lm.probability`"]);
        check_refused("name = ", &[], &["line 1"]);
        check_refused("name = \"a\"\n[fetch]\nmodel = \"scratch\"\n", &[], &["fetch.corpus"]);
    }

    #[test]
    fn a_mirror_is_a_folder_or_an_address_below_which_files_lie() {
        check_refused(MINIMAL, &["fetch.mirror=http://h/?key=1"], &["`fetch.mirror`", "query"]);
        check_refused(MINIMAL, &["fetch.mirror=http://h/#a"], &["`fetch.mirror`", "fragment"]);
        check_refused(MINIMAL, &["fetch.mirror=ftp://h/"], &["`fetch.mirror`", "http://"]);
        let line = format!("{MINIMAL}mirror = \"https://\"\n");
        check_refused(&line, &[], &["line 5", "`fetch.mirror`", "no address"]);
    }

    #[test]
    fn no_message_repeats_a_password() {
        let check = |text: &str, overrides: &[&str]| {
            let message = format!("{:#}", read(text, overrides).unwrap_err());
            assert!(!message.contains("PASS"), "{message}");
        };
        for address in ["http://u:PASS@h/?a", "ftp://u:PASS@h", "http://u:PA/PASS@h", "http://h/?PASS"] {
            check(MINIMAL, &[&format!("fetch.mirror={address}")]);
            check(MINIMAL, &[&format!("fetch.mirror=\"{address}\"")]);
            check(MINIMAL, &[&format!("fetch={{mirror=\"{address}\", x=1}}")]);
            check(MINIMAL, &[&format!("fetch.miror={address}")]);
            check(MINIMAL, &[&format!("train.epochs={address}")]);
            check(MINIMAL, &[address]);
            check(&format!("{MINIMAL}mirror = \"{address}\"\n"), &[]);
            check(&format!("{MINIMAL}miror = \"{address}\"\n"), &[]);
            check(&format!("{MINIMAL}dev_fraction = \"{address}\"\n"), &[]);
            check(&format!("{MINIMAL}mirror = \"{address}\n"), &[]);
        }
        check(MINIMAL, &["fetch.mirror=u:PASS@h", "train.epochs=many"]);
        assert_eq!(shown("fetch.mirror=u:PASS@h"), "fetch.mirror=***@h");
        assert_eq!(shown("fetch.files.train=a@b.tsv"), "fetch.files.train=a@b.tsv");
    }

    #[test]
    fn impossible_splits_are_refused() {
        let own = |keys: &str| {
            format!("name = \"a\"\n{keys}\n[fetch]\nmodel = \"scratch\"\nfiles = {{ train = \"a.tsv\" }}\n")
        };
        check_refused(&own(""), &[], &["`evaluate.split`", "`fetch.test_fraction`"]);
        read(&own(""), &["fetch.test_fraction=0.1"]).unwrap();
        check_refused(
            MINIMAL,
            &["fetch.test_fraction=0.97"],
            &["`fetch.test_fraction`", "nothing to train on"],
        );
        check_refused(MINIMAL, &["fetch.train_fraction=0"], &["`fetch.train_fraction`", "(0, 1]"]);
        check_refused(MINIMAL, &["fetch.only=train"], &["`evaluate.split`"]);
        check_refused(&own(""), &["fetch.test_fraction=0.1", "fetch.only=dev"], &["`fetch.only`"]);
        let one = ["fetch.test_fraction=0.1", "fetch.files.labels=[\"a\"]"];
        check_refused(&own(""), &one, &["`fetch.files.labels`", "at least 2"]);
    }
}
