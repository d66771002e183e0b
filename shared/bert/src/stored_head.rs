//! Whether the classification head that comes with pretrained weights is one for the corpus' labels.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, bail, ensure};
use shared::fault::Fault;

use crate::config::BertConfig;
use crate::parameters::Head;
use crate::weight_files::StoredTensor;

/// Where every tensor of a stored classification head is.
const CLASSIFIER: &str = "classifier.";

/// What a stored head is to a corpus.
#[derive(Debug, PartialEq, Eq)]
enum Kinship {
    /// It has the corpus' labels in the corpus' order.
    Same,
    /// As many classes as the corpus has labels, without names.
    Unnamed,
    /// The same labels in another order: its row of each of the corpus' labels.
    Reordered(Vec<usize>),
    /// Another task's, and how that shows.
    Foreign(String),
}

/// Makes the head among the tensors `stored` one for `labels`, or takes it out so that a new one is drawn; `own` is
/// the config that lies beside the weights in `folder`.
///
/// # Errors
/// A [`Fault::input`] where a head is required, and there is none or it is another task's.
pub(crate) fn fit(
    stored: &mut BTreeMap<String, StoredTensor>,
    own: &BertConfig,
    labels: &[&str],
    head: Head,
    folder: &Path,
) -> Result<()> {
    let place = folder.display();
    if !stored.keys().any(|name| name.starts_with(CLASSIFIER)) {
        let missing = || {
            Fault::input(format!(
                "the model in {place} has no classification head, which it needs where it is not trained; set \
                 `train.epochs` above 0 to train one"
            ))
        };
        ensure!(head == Head::MayBeNew, missing());
        return Ok(());
    }
    match kinship(stored, own, labels) {
        Kinship::Same => {}
        Kinship::Unnamed => log::info!("the model's classes have no names: they are {}", labels.join(", ")),
        Kinship::Reordered(rows) => {
            reorder(stored, own.model_type.output_layer(), &rows);
            log::info!("the model's classes are put in the corpus' order: {}", labels.join(", "));
        }
        Kinship::Foreign(reason) if head == Head::MayBeNew => {
            log::info!("the model's classification head is left aside, for it is another task's: {reason}");
            stored.retain(|name, _| !name.starts_with(CLASSIFIER));
        }
        Kinship::Foreign(reason) => bail!(Fault::input(format!(
            "the classification head of the model in {place} is another task's: {reason}; set `train.epochs` above 0 \
             to train a new one, or give its classes the corpus' names in `id2label` of the model's config.json if \
             there are as many and they mean the same"
        ))),
    }
    Ok(())
}

/// Of the tensors of the layer `output`.
fn reorder(stored: &mut BTreeMap<String, StoredTensor>, output: &str, rows: &[usize]) {
    let of_output = |name: &str| name.strip_prefix(output).is_some_and(|rest| rest.starts_with('.'));
    for (_, tensor) in stored.iter_mut().filter(|(name, _)| of_output(name)) {
        *tensor = tensor.select_rows(rows);
    }
}

fn kinship(stored: &BTreeMap<String, StoredTensor>, own: &BertConfig, labels: &[&str]) -> Kinship {
    if let Some(architecture) = own.architectures().find(|name| name.ends_with("ForTokenClassification")) {
        return Kinship::Foreign(format!("its config.json says {architecture}"));
    }
    let output = stored.get(&format!("{}.weight", own.model_type.output_layer()));
    let Some(&classes) = output.and_then(|weight| weight.shape.first()) else {
        return Kinship::Foreign(format!("it is not that of {}", own.model_type.architecture()));
    };
    if classes != labels.len() {
        return Kinship::Foreign(format!("it has {classes} classes, and the corpus {} labels", labels.len()));
    }
    let named = own.id2label.iter().filter(|(id, name)| **name != format!("LABEL_{id}")).count();
    let names: Vec<&str> = own.id2label.values().map(String::as_str).collect();
    let row = |label: &&str| names.iter().position(|name| name == label);
    let rows: Option<Vec<usize>> = labels.iter().map(row).collect();
    match rows {
        _ if names == labels => Kinship::Same,
        _ if named == 0 => Kinship::Unnamed,
        Some(rows) if names.len() == classes => Kinship::Reordered(rows),
        _ => Kinship::Foreign(format!(
            "its labels are {}, and those of the corpus are {}",
            names.join(", "),
            labels.join(", ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(model_type: &str, keys: &str) -> BertConfig {
        let text = format!(
            r#"{{"model_type": "{model_type}", "vocab_size": 10, "hidden_size": 2, "num_hidden_layers": 1,
            "num_attention_heads": 1, "intermediate_size": 4, "max_position_embeddings": 4{keys}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    /// A head whose row of class `i` is `[i, i]`, and its bias `i`.
    fn head(output: &str, classes: u8) -> BTreeMap<String, StoredTensor> {
        let values: Vec<f32> = (0..classes).map(f32::from).collect();
        let rows: Vec<f32> = values.iter().flat_map(|&value| [value; 2]).collect();
        let classes = values.len();
        BTreeMap::from([
            (format!("{output}.weight"), StoredTensor::from_f32(vec![classes, 2], &rows)),
            (format!("{output}.bias"), StoredTensor::from_f32(vec![classes], &values)),
            ("bert.pooler.dense.bias".to_owned(), StoredTensor::from_f32(vec![2], &[5.0, 5.0])),
        ])
    }

    const LABELS: [&str; 3] = ["no", "maybe", "yes"];

    /// The bias that is left under `output` where the model is trained, if any; and that a model which is not
    /// trained is refused if there is none.
    fn check(own: &BertConfig, stored: (&str, u8), expect: Option<&[f32]>) {
        let fit = |required| {
            let mut tensors = head(stored.0, stored.1);
            let folder = Path::new("model");
            fit(&mut tensors, own, &LABELS, required, folder).map(|()| tensors)
        };
        let tensors = fit(Head::MayBeNew).unwrap();
        assert!(tensors.contains_key("bert.pooler.dense.bias"));
        let values = |part: &str| Some(tensors.get(&format!("{}.{part}", stored.0))?.values().unwrap());
        assert_eq!(values("bias").as_deref(), expect);
        let rows = expect.map(|values| values.iter().flat_map(|&value| [value; 2]).collect::<Vec<_>>());
        assert_eq!(values("weight"), rows);
        match fit(Head::Required) {
            Ok(_) => assert!(expect.is_some()),
            Err(error) => {
                assert_eq!((expect, shared::fault::kind_of(&error).code()), (None, 3), "{error:#}");
                assert!(format!("{error:#}").contains("`train.epochs` above 0"), "{error:#}");
            }
        }
    }

    fn labelled(names: [&str; 3]) -> BertConfig {
        let [a, b, c] = names;
        config("bert", &format!(r#", "id2label": {{"0": "{a}", "1": "{b}", "2": "{c}"}}"#))
    }

    #[test]
    fn a_head_for_the_corpus_labels_is_taken() {
        check(&labelled(LABELS), ("classifier", 3), Some(&[0.0, 1.0, 2.0]));
    }

    #[test]
    fn classes_in_another_order_are_reordered() {
        check(&labelled(["yes", "no", "maybe"]), ("classifier", 3), Some(&[1.0, 2.0, 0.0]));
        let mut electra = labelled(["maybe", "no", "yes"]);
        electra.model_type = crate::config::ModelType::Electra;
        check(&electra, ("classifier.out_proj", 3), Some(&[1.0, 0.0, 2.0]));
    }

    #[test]
    fn classes_without_names_are_taken_by_id() {
        check(&labelled(["LABEL_0", "LABEL_1", "LABEL_2"]), ("classifier", 3), Some(&[0.0, 1.0, 2.0]));
        check(&config("bert", ""), ("classifier", 3), Some(&[0.0, 1.0, 2.0]));
    }

    #[test]
    fn the_head_of_another_task_is_left_aside() {
        check(&labelled(["no", "maybe", "never"]), ("classifier", 3), None);
        check(&labelled(["LABEL_1", "LABEL_0", "LABEL_2"]), ("classifier", 3), None);
        check(&config("bert", ""), ("classifier", 2), None);
        check(&config("electra", ""), ("classifier", 3), None);
        let tokens = config("bert", r#", "architectures": ["BertForTokenClassification"]"#);
        check(&tokens, ("classifier", 3), None);
    }

    #[test]
    fn a_model_without_a_head_is_no_classifier() {
        let fit = |head| fit(&mut BTreeMap::new(), &config("bert", ""), &LABELS, head, Path::new("model"));
        fit(Head::MayBeNew).unwrap();
        let error = format!("{:#}", fit(Head::Required).unwrap_err());
        assert!(
            error.contains("no classification head") && error.contains("`train.epochs` above 0"),
            "{error}"
        );
    }
}
