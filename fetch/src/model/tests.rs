mod refusals;

use std::collections::BTreeMap;
use std::path::PathBuf;

use model_files::encoder_shapes;
use shared::fault::kind_of;
use shared::layout::hub;
use shared::stage::Rebuild;
use tempfile::TempDir;

use super::*;

/// A machine with a mirror folder and a cache of `huggingface_hub`.
struct Machine(TempDir);

impl Machine {
    fn new() -> Machine {
        let machine = Machine(tempfile::tempdir().unwrap());
        fs::create_dir(machine.path("mirror")).unwrap();
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, folder: &str, files: &[(&str, &str)]) {
        fs::create_dir_all(self.path(folder)).unwrap();
        files.iter().for_each(|(name, text)| fs::write(self.path(folder).join(name), text).unwrap());
    }

    /// Writes the model that `keys` name to `model/`. Returns its metadata and the names of its files.
    fn write_model(&self, keys: &str) -> Result<(WrittenModel, Vec<String>)> {
        let folder = self.path("model");
        let model = self.with_inputs(keys, |config, inputs| write(config, inputs, &folder))?;
        let names = fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        Ok((model, names))
    }

    fn with_inputs<T>(
        &self,
        keys: &str,
        call: impl FnOnce(&FetchConfig, &Inputs<'_>) -> Result<T>,
    ) -> Result<T> {
        let config: FetchConfig = toml::from_str(&format!("corpus = \"nsmc\"\n{keys}")).unwrap();
        let environment = Environment {
            download_cache: Some(self.path("downloads")),
            hub_cache: Some(self.path("hub")),
            hub_endpoint: None,
            hub_token: None,
        };
        let downloads = Downloads::new(&config, &environment, Rebuild::IfNeeded)?;
        let (train, run) = (self.path("train.parquet"), self.path("run"));
        let layer = OutputLayer::Vocabulary;
        let (environment, downloads) = (&environment, &downloads);
        call(&config, &Inputs { environment, downloads, run: Some(&run), train: &train, layer })
    }

    /// Writes the model `org/name` from the mirror.
    fn mirrored(&self, keys: &str) -> Result<(WrittenModel, Vec<String>)> {
        let mirror = self.path("mirror");
        self.write_model(&format!("model = \"org/name\"\nmirror = \"{}\"\n{keys}", mirror.display()))
    }
}

const IN_MIRROR: &str = "mirror/huggingface.co/org/name/resolve/main";
/// A complete but empty zip archive in place of PyTorch's weights.
const EMPTY_PICKLE: &str = "PK\u{3}\u{4}PK\u{5}\u{6}";
const VOCAB: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
const BARE: [(&str, &str); 2] = [(hub::CONFIG, CONFIG), (hub::VOCAB, VOCAB)];
const CONFIG: &str = r#"{"model_type": "bert", "vocab_size": 9, "hidden_size": 8, "num_hidden_layers": 1,
    "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 12}"#;

/// A safetensors file for the encoder of [`CONFIG`] after `edit`, with zeros in every tensor.
fn weights(edit: impl FnOnce(&mut BTreeMap<String, Vec<usize>>)) -> String {
    let mut shapes = encoder_shapes(&serde_json::from_str(CONFIG).unwrap());
    edit(&mut shapes);
    let mut end = 0;
    let entry = |(name, shape): (String, Vec<usize>)| {
        let begin = end;
        end += 4 * shape.iter().product::<usize>();
        format!(r#""{name}": {{"dtype": "F32", "shape": {shape:?}, "data_offsets": [{begin}, {end}]}}"#)
    };
    let header = format!("{{{}}}", shapes.into_iter().map(entry).collect::<Vec<_>>().join(", "));
    // The length is a multiple of 256, so that its bytes are valid UTF-8.
    let length = header.len().next_multiple_of(256);
    let bytes = String::from_utf8((length as u64).to_le_bytes().to_vec()).unwrap();
    format!("{bytes}{header:length$}{}", "\0".repeat(end))
}

fn check_refused(outcome: Result<(WrittenModel, Vec<String>)>, parts: &[&str]) {
    let error = outcome.unwrap_err();
    let message = format!("{error:#}");
    assert_eq!(kind_of(&error).code(), 3, "{message}");
    parts.iter().for_each(|part| assert!(message.contains(part), "`{message}` lacks `{part}`"));
}

#[test]
fn a_hub_model_is_read_from_the_mirror() {
    let machine = Machine::new();
    machine.write(IN_MIRROR, &BARE);
    machine.write(
        IN_MIRROR,
        &[(hub::WEIGHTS, &weights(|_| {})), (hub::PYTORCH_WEIGHTS, EMPTY_PICKLE), ("README.md", "r")],
    );
    let (model, names) = machine.mirrored("").unwrap();
    assert_eq!(names, [hub::CONFIG, hub::WEIGHTS, hub::VOCAB]);
    assert_eq!((model.name.as_str(), model.weights), ("org/name", Weights::Pretrained));
    assert_eq!(model.sources[0].location, "https://huggingface.co/org/name/resolve/main/config.json");
}

#[test]
fn a_revision_is_one_segment_of_the_address() {
    let machine = Machine::new();
    machine.write("mirror/huggingface.co/org/name/resolve/refs%2Fpr%2F1", &BARE);
    let keys = "revision = \"refs/pr/1\"\nweights = \"random\"";
    assert_eq!(machine.mirrored(keys).unwrap().1, [hub::CONFIG, hub::VOCAB]);
}

#[test]
fn shards_are_copied_with_their_index() {
    let index = r#"{"weight_map": {"a": "m-1.bin", "b": "m-2.bin", "c": "m-1.bin"}}"#;
    let machine = Machine::new();
    machine.write(IN_MIRROR, &BARE);
    machine.write(IN_MIRROR, &[(hub::PYTORCH_WEIGHTS_INDEX, index), ("m-1.bin", EMPTY_PICKLE)]);
    check_refused(machine.mirrored(""), &["org/name", "m-2.bin"]);
    machine.write(IN_MIRROR, &[("m-2.bin", EMPTY_PICKLE)]);
    let expected = [hub::CONFIG, "m-1.bin", "m-2.bin", hub::PYTORCH_WEIGHTS_INDEX, hub::VOCAB];
    assert_eq!(machine.mirrored("").unwrap().1, expected);
}

#[test]
fn an_index_cannot_name_files_outside_the_folder() {
    for name in ["../secret", "a/b", "/etc/passwd", ".hidden", ""] {
        let machine = Machine::new();
        machine.write(IN_MIRROR, &BARE);
        let index = format!(r#"{{"weight_map": {{"a": "{name}"}}}}"#);
        machine.write(IN_MIRROR, &[(hub::WEIGHTS_INDEX, index.as_str())]);
        check_refused(machine.mirrored(""), &["index", "no plain file name"]);
    }
}

#[test]
fn wrong_content_is_refused_in_folders_and_mirrors() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 438000000\n";
    for (name, text, part) in [
        (hub::WEIGHTS, pointer, "Git LFS"),
        (hub::WEIGHTS, "\u{2}\0\0\0\0\0\0\0{} ", "its header says"),
        (hub::VOCAB, "<html><title>Sign in</title>", "HTML page"),
        (hub::TOKENIZER, "{", "no JSON"),
        (hub::TOKENIZER_CONFIG, "", "empty"),
    ] {
        let machine = Machine::new();
        let whole = [BARE[0], BARE[1], (hub::WEIGHTS, &weights(|_| {})), (name, text)];
        machine.write("own-bert", &whole);
        machine.write(IN_MIRROR, &whole);
        let folder = machine.write_model(&format!("model = \"{}\"", machine.path("own-bert").display()));
        check_refused(folder, &["own-bert", name, part]);
        check_refused(machine.mirrored(""), &[IN_MIRROR, name, part]);
    }
}

#[test]
fn a_folder_or_dangling_link_is_no_absent_file() {
    let machine = Machine::new();
    machine.write(IN_MIRROR, &BARE);
    let place = machine.path(IN_MIRROR).join(hub::TOKENIZER);
    fs::create_dir(&place).unwrap();
    check_refused(machine.mirrored("weights = \"random\""), &[hub::TOKENIZER, "is a folder"]);
    fs::remove_dir(&place).unwrap();
    std::os::unix::fs::symlink("nowhere", &place).unwrap();
    check_refused(machine.mirrored("weights = \"random\""), &[hub::TOKENIZER, "a link to a file"]);
}

#[test]
fn errors_name_the_missing_file() {
    let machine = Machine::new();
    check_refused(machine.mirrored(""), &["org/name", hub::CONFIG, IN_MIRROR]);
    machine.write(IN_MIRROR, &[(hub::CONFIG, "{}")]);
    check_refused(machine.mirrored(""), &["no tokenizer", hub::TOKENIZER, hub::VOCAB]);
    machine.write(IN_MIRROR, &BARE);
    let parts = ["org/name", hub::WEIGHTS, hub::PYTORCH_WEIGHTS, IN_MIRROR, "fetch.weights = \"random\""];
    check_refused(machine.mirrored(""), &parts);
    let (model, names) = machine.mirrored("weights = \"random\"").unwrap();
    assert_eq!(
        (names, model.weights),
        (vec![hub::CONFIG.to_owned(), hub::VOCAB.to_owned()], Weights::Random)
    );
}

#[test]
fn the_hubs_cache_is_used_without_network() {
    let machine = Machine::new();
    let commit = "0123abcd";
    let snapshot = format!("hub/models--org--name/snapshots/{commit}");
    machine.write("hub/models--org--name/refs", &[("main", commit)]);
    machine.write(&snapshot, &BARE);
    let keys = "model = \"org/name\"\noffline = true\n";
    check_refused(machine.write_model(keys), &["fetch.offline", "config.json"]);
    machine.write(&snapshot, &[(hub::WEIGHTS, &weights(|_| {}))]);
    let (model, names) = machine.write_model(keys).unwrap();
    assert_eq!(names, [hub::CONFIG, hub::WEIGHTS, hub::VOCAB]);
    assert_eq!(model.sources[0].location, "https://huggingface.co/org/name/resolve/main/config.json");
    assert!(machine.write_model(&format!("{keys}revision = \"{commit}\"")).is_ok());
}

#[test]
fn the_hubs_cache_is_used_online_if_missing_files_are_known_to_be_absent() {
    let machine = Machine::new();
    let model = "hub/models--org--name";
    machine.write(&format!("{model}/refs"), &[("main", "0123abcd")]);
    machine.write(&format!("{model}/snapshots/0123abcd"), &BARE);
    let whole = |keys: &str| {
        let toml = format!("corpus = \"nsmc\"\nmodel = \"org/name\"\nweights = \"random\"\n{keys}");
        let config: FetchConfig = toml::from_str(&toml).unwrap();
        let repository = Repository { id: "org/name", revision: "main" };
        snapshot::collect(&repository, &config, &machine.path("hub")).unwrap().is_some()
    };
    assert!(whole("offline = true"));
    let absences = format!("{model}/.no_exist/0123abcd");
    machine.write(&absences, &[(hub::TOKENIZER, ""), (hub::TOKENIZER_CONFIG, ""), (hub::ADDED_TOKENS, "")]);
    assert!(!whole(""));
    machine.write(&absences, &[(hub::SPECIAL_TOKENS, "")]);
    assert!(whole(""));
}

#[test]
fn a_local_folder_is_recorded_without_its_path() {
    let machine = Machine::new();
    machine.write("own-bert", &BARE);
    machine.write("own-bert", &[(hub::WEIGHTS, &weights(|_| {}))]);
    let (model, names) =
        machine.write_model(&format!("model = \"{}\"", machine.path("own-bert").display())).unwrap();
    assert_eq!(names, [hub::CONFIG, hub::WEIGHTS, hub::VOCAB]);
    assert_eq!(model.name, "own-bert");
    assert_eq!(model.sources[0].location, hub::CONFIG);
}

#[test]
fn the_model_of_a_run_is_read_from_its_training() {
    let machine = Machine::new();
    machine.write("run/model", &BARE);
    check_refused(machine.write_model("model = \"run:pretrained\""), &["run:pretrained", hub::WEIGHTS]);
    machine.write("run/model", &[(hub::WEIGHTS, &weights(|_| {}))]);
    let (model, names) = machine.write_model("model = \"run:pretrained\"").unwrap();
    assert_eq!(names, [hub::CONFIG, hub::WEIGHTS, hub::VOCAB]);
    assert_eq!((model.name.as_str(), model.weights), ("run:pretrained", Weights::Pretrained));
}

#[test]
fn a_new_model_can_use_the_tokenizer_of_another() {
    let machine = Machine::new();
    machine.write(IN_MIRROR, &[(hub::CONFIG, "{}"), (hub::VOCAB, VOCAB)]);
    let new = |machine: &Machine| {
        let mirror = machine.path("mirror");
        let keys = "scratch = { tokenizer = \"org/name\", num_hidden_layers = 3 }";
        machine.write_model(&format!("model = \"scratch\"\nmirror = \"{}\"\n{keys}", mirror.display()))
    };
    check_refused(new(&machine), &["fetch.scratch.tokenizer", "vocab_size"]);
    machine.write(
        IN_MIRROR,
        &[(hub::CONFIG, r#"{"vocab_size": 7, "num_hidden_layers": 12, "pad_token_id": 5}"#)],
    );
    let (model, names) = new(&machine).unwrap();
    assert_eq!(names, [hub::CONFIG, hub::VOCAB]);
    assert_eq!((model.name.as_str(), model.weights, model.sources.len()), ("scratch", Weights::Random, 2));
    let config = fs::read(machine.path("model").join(hub::CONFIG)).unwrap();
    let config: serde_json::Value = serde_json::from_slice(&config).unwrap();
    let of = |key: &str| config[key].as_u64();
    assert_eq!([of("vocab_size"), of("num_hidden_layers"), of("pad_token_id")], [Some(7), Some(3), Some(5)]);
}

#[test]
fn an_unsupported_tokenizer_is_refused_before_weights_are_searched() {
    let machine = Machine::new();
    machine.write(IN_MIRROR, &BARE);
    let refused = |config: &str, parts: &[&str]| {
        machine.write(IN_MIRROR, &[(hub::TOKENIZER_CONFIG, config)]);
        check_refused(machine.mirrored(""), parts);
    };
    refused(
        r#"{"tokenizer_class": "BertJapaneseTokenizer"}"#,
        &["`org/name`", "BertJapaneseTokenizer", "BertTokenizer"],
    );
    refused(r#"{"auto_map": {"AutoTokenizer": ["a.B", null]}}"#, &["auto_map", "Python code"]);
    refused(r#"{"padding_side": "left"}"#, &["padding_side", "left"]);
    refused(r#"{"truncation_side": "left"}"#, &["truncation_side", "left"]);
    refused(r#"{"split_special_tokens": true}"#, &["split_special_tokens"]);
}

#[test]
fn added_tokens_are_copied_with_the_vocabulary() {
    let machine = Machine::new();
    machine.write(IN_MIRROR, &BARE);
    machine.write(IN_MIRROR, &[(hub::ADDED_TOKENS, r#"{"<e>": 5}"#)]);
    let names = machine.mirrored("weights = \"random\"").unwrap().1;
    assert_eq!(names, [hub::ADDED_TOKENS, hub::CONFIG, hub::VOCAB]);
    machine.write(IN_MIRROR, &[(hub::ADDED_TOKENS, r#"{"<e>": 9}"#)]);
    check_refused(machine.mirrored("weights = \"random\""), &["`<e>`", "the id 9", "gives it 5"]);
}
