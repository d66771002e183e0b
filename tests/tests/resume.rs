//! Trainings that are killed, stopped and started again end as if nothing had happened.
#![allow(clippy::unwrap_used, reason = "only tests")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use inotify::{EventMask, Inotify, WatchMask};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use shared::layout::{MANIFEST, Stage, Work, checkpoints, trained};
use tests::{Run, Sandbox, files_below};

const KILLS: usize = 20;

/// Long enough for every kill; parts of batches, dropout, two evaluations an epoch and two models kept. Dev is learnt by
/// heart, so that the best models are the last.
const OPTIONS: [&str; 18] = [
    "--set",
    "fetch.files.dev=dev.tsv",
    "--set",
    "train.epochs=24",
    "--set",
    "train.checkpoint_every_steps=5",
    "--set",
    "train.log_every_steps=1",
    "--set",
    "train.micro_batch_size=3",
    "--set",
    "train.dropout=0.1",
    "--set",
    "train.evaluations_per_epoch=2",
    "--set",
    "train.save_top_k=2",
    "--set",
    "train.tensorboard=true",
];

/// A sandbox whose train stage has its inputs.
fn prepared() -> Sandbox {
    let sandbox = Sandbox::new();
    let train = fs::read_to_string(sandbox.path("train.tsv")).unwrap();
    fs::write(sandbox.path("dev.tsv"), train.replace("\ntrain-", "\ndev-")).unwrap();
    for stage in [Stage::Fetch, Stage::Tokenize] {
        sandbox.run(stage, &OPTIONS).folder();
    }
    sandbox
}

fn train(sandbox: &Sandbox) -> Run {
    sandbox.run(Stage::Train, &OPTIONS)
}

/// Every file of the finished training but the manifest, which tells the time.
fn result(sandbox: &Sandbox) -> BTreeMap<PathBuf, Vec<u8>> {
    let folder = sandbox.folder(Stage::Train);
    let files = files_below(&folder).into_iter().filter(|file| !file.ends_with(MANIFEST));
    files.map(|file| (file.strip_prefix(&folder).unwrap().to_owned(), fs::read(&file).unwrap())).collect()
}

/// The step of the model that was kept, as the manifest tells.
fn best_step(sandbox: &Sandbox) -> u64 {
    let manifest = fs::read(sandbox.folder(Stage::Train).join(MANIFEST)).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    manifest["facts"]["best_step"].as_u64().unwrap()
}

fn check_same(result: &BTreeMap<PathBuf, Vec<u8>>, expect: &BTreeMap<PathBuf, Vec<u8>>) {
    assert!(result.keys().eq(expect.keys()), "{:?} and {:?}", result.keys(), expect.keys());
    for (path, bytes) in result {
        assert!(*bytes == expect[path], "{} is another", path.display());
    }
}

/// A training with these options, and where it saves its state; made beforehand, so that it can be watched.
struct Saved<'a> {
    sandbox: &'a Sandbox,
    options: &'a [&'a str],
    progress: PathBuf,
}

impl<'a> Saved<'a> {
    fn new(sandbox: &'a Sandbox, options: &'a [&'a str]) -> Saved<'a> {
        let promised = sandbox.run(Stage::Train, &[options, &["--dry-run"]].concat());
        let fingerprint = promised.folder().file_name().unwrap().to_string_lossy().into_owned();
        let work = Work::new(sandbox.path("work"));
        let progress = match options.contains(&"--force") {
            true => work.forced_progress(Stage::Train, &fingerprint),
            false => work.progress(Stage::Train, &fingerprint),
        };
        fs::create_dir_all(checkpoints::all(&progress)).unwrap();
        Saved { sandbox, options, progress }
    }

    /// Lets train run until it has touched files `events` times, and a little longer, and disturbs it.
    fn disturb(&self, events: usize, spins: u32, disturbance: impl FnOnce(&mut Child)) -> Run {
        let mut watcher = Inotify::init().unwrap();
        let mask = WatchMask::MODIFY | WatchMask::CREATE | WatchMask::MOVED_TO | WatchMask::DELETE;
        for folder in [self.progress.clone(), checkpoints::all(&self.progress)] {
            watcher.watches().add(folder, mask).unwrap();
        }
        let mut command = self.sandbox.command(Stage::Train, self.options);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        // An end of its own accord is an event too, or the wait below might be for ever.
        let end = self.progress.join("ended");
        let listening = thread::spawn(move || {
            let mut said = String::new();
            stderr.read_to_string(&mut said).unwrap();
            drop(fs::write(end, ""));
            said
        });
        let (mut seen, mut buffer) = (0, [0; 4096]);
        while seen < events {
            for event in watcher.read_events_blocking(&mut buffer).unwrap() {
                let ended =
                    event.name.is_some_and(|name| name == "ended") || event.mask.contains(EventMask::IGNORED);
                seen += if ended { events } else { 1 };
            }
        }
        (0..spins).for_each(|_| std::hint::spin_loop());
        disturbance(&mut child);
        let output = child.wait_with_output().unwrap();
        Run { stderr: listening.join().unwrap(), ..output.into() }
    }
}

/// The shell's own: not every machine has a program of that name.
fn kill(signal: &str, child: &Child) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "kill $0 $1", signal, &child.id().to_string()]).stderr(Stdio::null());
    command
}

/// Sends these signals, one right after the other.
fn signal(child: &mut Child, signals: &[&str]) {
    for signal in signals {
        // A process that has ended already cannot be signalled.
        let _ = kill(signal, child).status();
    }
}

#[test]
fn a_training_that_is_killed_again_and_again_ends_the_same() {
    let whole = prepared();
    train(&whole).folder();
    let expect = result(&whole);
    for file in ["model/vocab.txt", "model/tokenizer.json", "metrics.jsonl", "tensorboard"] {
        assert!(expect.keys().any(|path| path.starts_with(file)), "no {file} in {:?}", expect.keys());
    }
    assert!(expect.keys().any(|path| path.starts_with("kept")), "{:?}", expect.keys());

    let killed = prepared();
    let mut random = ChaCha8Rng::seed_from_u64(7);
    for kill in 0..KILLS {
        let (events, spins) = (random.random_range(2..14), random.random_range(0..300_000));
        let run = Saved::new(&killed, &OPTIONS).disturb(events, spins, |child| child.kill().unwrap());
        assert_eq!(run.code, None, "kill {kill} of {KILLS} came too late: {}", run.stderr);
    }
    let last = train(&killed);
    let (_, from) = last.stderr.split_once("going on after step ").unwrap();
    let from: u64 = from.split_whitespace().next().unwrap().parse().unwrap();
    last.folder();
    check_same(&result(&killed), &expect);
    assert!(best_step(&killed) > from, "no model of after the last kill is compared");
    let beside = fs::read_dir(killed.work().stage(Stage::Train)).unwrap();
    let folders = beside.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).count();
    assert_eq!(folders, 1, "what was saved is still there");
}

#[test]
fn a_signal_stops_with_exit_5_and_loses_nothing() {
    check_stops(&OPTIONS);
}

/// Every epoch is cut into batches anew, so a process that goes on has to find its place in one that it has not begun.
#[test]
fn batches_by_tokens_go_on_where_they_were() {
    let tokens = ["--set", "train.batch_tokens=90", "--set", "train.batch_size=50"];
    check_stops(&[&OPTIONS[..], &tokens].concat());
}

fn check_stops(options: &[&str]) {
    let (whole, stopped) = (prepared(), prepared());
    whole.run(Stage::Train, options).folder();
    let mut random = ChaCha8Rng::seed_from_u64(8);
    for signals in [&["-TERM"][..], &["-INT"], &["-USR1"], &["-TERM", "-TERM", "-INT"]] {
        let run = Saved::new(&stopped, options)
            .disturb(random.random_range(10..40), 0, |child| signal(child, signals));
        run.check_refused(5, &["stopped by a signal", "run the same command again"]);
    }
    stopped.run(Stage::Train, options).folder();
    check_same(&result(&stopped), &result(&whole));
}

/// Nothing moves, so no evaluation is better than the first; how many there were survives the stop.
#[test]
fn patience_goes_on_where_it_was() {
    let still = ["--set", "train.learning_rate=1e-30", "--set", "train.early_stopping_patience=30"];
    let options = [&OPTIONS[..], &still].concat();
    let (whole, stopped) = (prepared(), prepared());
    whole.run(Stage::Train, &options).folder();
    let lines = result(&whole)[Path::new("metrics.jsonl")].split(|&byte| byte == b'\n').count();
    assert!((100..200).contains(&lines), "it did not stop early: {lines} lines");
    let started = Saved::new(&stopped, &options);
    started.disturb(70, 0, |child| signal(child, &["-TERM"])).check_refused(5, &[]);
    stopped.run(Stage::Train, &options).folder();
    check_same(&result(&stopped), &result(&whole));
}

/// A forced run that is stopped is finished by the same command, whatever stands.
#[test]
fn a_forced_run_goes_on_when_it_is_forced_again() {
    let sandbox = prepared();
    train(&sandbox).folder();
    let expect = result(&sandbox);
    let forced = [&OPTIONS[..], &["--force"]].concat();
    let started = Saved::new(&sandbox, &forced);
    started
        .disturb(30, 0, |child| signal(child, &["-TERM"]))
        .check_refused(5, &["run the same command again"]);
    let run = sandbox.run(Stage::Train, &forced);
    assert!(run.stderr.contains("going on after step"), "{}", run.stderr);
    run.folder();
    check_same(&result(&sandbox), &expect);
}

#[test]
fn a_damaged_checkpoint_is_passed_over() {
    let whole = prepared();
    train(&whole).folder();
    let damaged = prepared();
    Saved::new(&damaged, &OPTIONS).disturb(60, 0, |child| signal(child, &["-TERM"])).check_refused(5, &[]);
    let all = fs::read_dir(checkpoints::all(&Saved::new(&damaged, &OPTIONS).progress)).unwrap();
    let newest = all.map(|entry| entry.unwrap().path()).max().unwrap();
    let weights = trained::model(&newest).join(shared::layout::hub::WEIGHTS);
    let mut bytes = fs::read(&weights).unwrap();
    bytes[1000] ^= 1;
    fs::write(&weights, bytes).unwrap();
    let run = train(&damaged);
    let said = ["is missing or changed; the checkpoint is not used", "going on after step"];
    said.iter().for_each(|part| assert!(run.stderr.contains(part), "`{}` lacks `{part}`", run.stderr));
    run.folder();
    check_same(&result(&damaged), &result(&whole));
}

#[test]
fn the_same_run_writes_the_same_bytes_on_one_thread_and_on_two() {
    for threads in ["train.threads=1", "train.threads=2"] {
        let sandbox = prepared();
        // Wide enough for every loop to be shared among threads.
        let wide =
            "fetch.scratch={hidden_size = 256, intermediate_size = 1024, max_position_embeddings = 32}";
        let options =
            ["--set", threads, "--set", "train.epochs=2", "--set", "train.batch_size=60", "--set", wide];
        for stage in [Stage::Fetch, Stage::Tokenize] {
            sandbox.run(stage, &options).folder();
        }
        let run = |force: &[&str]| {
            sandbox.run(Stage::Train, &[&options[..], force].concat()).folder();
            result(&sandbox)
        };
        check_same(&run(&[]), &run(&["--force"]));
    }
}

#[test]
fn a_stage_with_nothing_to_save_stops_at_once() {
    let sandbox = prepared();
    let promised = sandbox.run(Stage::Train, &[&OPTIONS[..], &["--dry-run"]].concat());
    let fingerprint = promised.folder().file_name().unwrap().to_string_lossy().into_owned();
    let lock = fs::File::create(sandbox.work().lock(Stage::Train, &fingerprint)).unwrap();
    lock.lock().unwrap();
    check_stops_while_waiting(&sandbox, Path::new(&fingerprint));
}

/// The process says that it waits for the lock before the signal is sent.
fn check_stops_while_waiting(sandbox: &Sandbox, fingerprint: &Path) {
    use std::io::{BufRead, BufReader};
    let mut command = sandbox.command(Stage::Train, &OPTIONS);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("waiting for it") {
        assert!(
            stderr.read_line(&mut said).unwrap() > 0,
            "it did not wait for {}: {said}",
            fingerprint.display()
        );
    }
    kill("-TERM", &child).status().unwrap();
    stderr.read_to_string(&mut said).unwrap();
    let run = Run { stderr: said, ..child.wait_with_output().unwrap().into() };
    run.check_refused(5, &["stopped by SIGTERM", "run the same command again"]);
}
