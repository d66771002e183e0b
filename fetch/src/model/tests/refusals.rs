//! Refusal of models by their config.json and by the headers of their weights.

use shared::fault::kind_of;
use shared::layout::hub;

use super::*;

/// Checks that a model with further `keys` in its config.json is refused. The model has no other file.
fn check_config(keys: &str, code: u8, part: &str) {
    let machine = Machine::new();
    let mut config: serde_json::Map<_, _> = serde_json::from_str(CONFIG).unwrap();
    config.extend(serde_json::from_str::<serde_json::Map<_, _>>(&format!("{{{keys}}}")).unwrap());
    machine.write(IN_MIRROR, &[(hub::CONFIG, &serde_json::to_string(&config).unwrap())]);
    let mirror = machine.path("mirror");
    let model = format!("model = \"org/name\"\nmirror = \"{}\"", mirror.display());
    let error = machine.with_inputs(&model, check).unwrap_err();
    assert_eq!(kind_of(&error).code(), code, "{error:#}");
    assert!(format!("{error:#}").contains(part), "{error:#}");
}

#[test]
fn a_model_is_refused_by_its_config_alone() {
    check_config(r#""model_type": "roberta""#, 3, "`roberta`, expected `bert` or `electra`");
    check_config(r#""hidden_act": "mish""#, 3, "`mish`");
    check_config(r#""position_embedding_type": "relative_key""#, 3, "`relative_key`");
    check_config(r#""is_decoder": true"#, 3, "`is_decoder` is true");
    check_config(r#""add_cross_attention": true"#, 3, "`add_cross_attention`");
    check_config(r#""pruned_heads": {"0": [1]}"#, 3, "`pruned_heads`");
    check_config(r#""quantization_config": {"bits": 4}"#, 3, "quantized weights");
    check_config(r#""model_type": "electra""#, 2, "an ELECTRA, which does not learn masked words");
}

#[test]
fn a_supported_config_passes() {
    let machine = Machine::new();
    machine
        .write("own", &[(hub::CONFIG, &CONFIG.replace('}', ", \"is_decoder\": false, \"use_rope\": true}"))]);
    machine.with_inputs(&format!("model = \"{}\"", machine.path("own").display()), check).unwrap();
    machine.with_inputs("model = \"scratch\"", check).unwrap();
    let error = machine.with_inputs("model = \"run:pretrained\"", check).unwrap_err();
    assert!(error.to_string().contains("has no config.json"), "{error:#}");
}

/// Checks that a model with [`CONFIG`] and these `weights` in the file `name` is refused.
fn check_weights(name: &str, weights: &str, parts: &[&str]) {
    let machine = Machine::new();
    machine.write(IN_MIRROR, &BARE);
    machine.write(IN_MIRROR, &[(name, weights)]);
    check_refused(machine.mirrored(""), parts);
    assert!(!machine.path("model").join(name).exists());
}

#[test]
fn files_that_are_no_weights_are_refused() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 438000000\n";
    for name in [hub::WEIGHTS, hub::PYTORCH_WEIGHTS] {
        check_weights(name, pointer, &[name, "a Git LFS pointer", "git lfs pull"]);
        check_weights(name, "<!DOCTYPE html><html></html>", &[name, "an HTML page", "fetch.mirror"]);
        check_weights(name, "", &[name, "is empty"]);
    }
    check_weights(hub::PYTORCH_WEIGHTS, "PK\u{3}\u{4} and no more", &[hub::PYTORCH_WEIGHTS, "is truncated"]);
    let whole = weights(|_| {});
    check_weights(hub::WEIGHTS, &whole[..whole.len() - 4], &[hub::WEIGHTS, "bytes where its header says"]);
    check_weights(hub::WEIGHTS, &whole[..300], &[hub::WEIGHTS, "ends within its header"]);
}

#[test]
fn weights_of_another_model_are_refused_by_their_header() {
    let bias = "bert.encoder.layer.0.output.dense.bias";
    check_weights(hub::WEIGHTS, &weights(|shapes| drop(shapes.remove(bias))), &["lack", bias]);
    let wide = weights(|shapes| drop(shapes.insert(bias.to_owned(), vec![9])));
    check_weights(hub::WEIGHTS, &wide, &["do not fit", bias, "[9]", "[8]"]);
    let deep = "bert.encoder.layer.1.output.dense.bias";
    let deeper = weights(|shapes| drop(shapes.insert(deep.to_owned(), vec![8])));
    check_weights(hub::WEIGHTS, &deeper, &["no place for", deep]);
    let renamed = weights(|shapes| {
        *shapes =
            shapes.iter().map(|(name, shape)| (name.replace("bert.", "roberta."), shape.clone())).collect();
    });
    check_weights(hub::WEIGHTS, &renamed, &["`roberta.`", "`bert.`"]);
    check_weights(hub::WEIGHTS, &weights(|_| {}).replace("\"F32\"", "\"I8\" "), &["not of type", "(I8)"]);
}

#[test]
fn weights_under_a_wrapper_pass() {
    let machine = Machine::new();
    machine.write(IN_MIRROR, &BARE);
    let wrapped = weights(|shapes| {
        *shapes = shapes.iter().map(|(name, shape)| (format!("module.{name}"), shape.clone())).collect();
    });
    machine.write(IN_MIRROR, &[(hub::WEIGHTS, &wrapped)]);
    machine.mirrored("").unwrap();
}
