//! Weight files in the Hub layout: `model.safetensors`, its shards, or `pytorch_model.bin`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail, ensure};
use burn::store::{ModuleStore, PytorchStore};
use burn::tensor::{DType, Tensor};
use half::{bf16, f16};
use model_files::{ModelType, Naming, refuse_impostor};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use shared::fault::Fault;
use shared::layout::hub;
use shared::names::listed;

/// A tensor as a file holds it.
#[derive(Clone)]
pub(crate) struct StoredTensor {
    pub(crate) shape: Vec<usize>,
    kind: Kind,
    bytes: Vec<u8>,
    /// The file that it was read from, if any.
    file: Option<Arc<Path>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    F64,
    F32,
    F16,
    Bf16,
    /// Another type, which no parameter has: a buffer of positions, for example.
    Other,
}

impl StoredTensor {
    #[cfg(test)]
    pub(crate) fn from_f32(shape: Vec<usize>, values: &[f32]) -> StoredTensor {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        StoredTensor { shape, kind: Kind::F32, bytes, file: None }
    }

    /// The values of a float tensor, copied off its device.
    pub(crate) fn of<const D: usize>(tensor: Tensor<D>) -> StoredTensor {
        let data = tensor.into_data().convert::<f32>();
        let shape = data.shape().iter().copied().collect();
        // The machines that libtorch runs on are little-endian, as the file is.
        StoredTensor { shape, kind: Kind::F32, bytes: data.as_bytes().to_vec(), file: None }
    }

    /// The tensor with these rows in this order.
    pub(crate) fn select_rows(&self, rows: &[usize]) -> StoredTensor {
        let count = self.shape.first().copied().unwrap_or(1).max(1);
        let width = (self.bytes.len() / count).max(1);
        let row = |&row: &usize| self.bytes.chunks(width).nth(row).unwrap_or_default();
        let bytes = rows.iter().flat_map(row).copied().collect();
        let shape = [rows.len()].into_iter().chain(self.shape.iter().skip(1).copied()).collect();
        StoredTensor { shape, kind: self.kind, bytes, file: self.file.clone() }
    }

    /// As float32, in row-major order.
    pub(crate) fn values(&self) -> Result<Vec<f32>> {
        let halves = |value: fn([u8; 2]) -> f32| {
            self.bytes.chunks_exact(2).map(|pair| value([pair[0], pair[1]])).collect()
        };
        match self.kind {
            Kind::F64 => {
                let value = |bytes: &[u8]| Some(f64::from_le_bytes(bytes.try_into().ok()?) as f32);
                Ok(self.bytes.chunks_exact(8).filter_map(value).collect())
            }
            Kind::F32 => {
                Ok(self.bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
            }
            Kind::F16 => Ok(halves(|pair| f16::from_le_bytes(pair).to_f32())),
            Kind::Bf16 => Ok(halves(|pair| bf16::from_le_bytes(pair).to_f32())),
            Kind::Other => bail!(Fault::input("a weight is not of type F64, F32, F16 or BF16")),
        }
    }

    /// The values of the weight called `name`.
    ///
    /// # Errors
    /// A [`Fault::input`] that names the file where it is of another type, or holds NaN or infinity, in float32 at least.
    pub(crate) fn weight(&self, name: &str) -> Result<Vec<f32>> {
        let file = || self.file.as_ref().map_or("the weights".into(), |file| file.display().to_string());
        let values = self.values().with_context(|| format!("cannot use {name} in {}", file()))?;
        if let Some(first) = values.iter().position(|value| !value.is_finite()) {
            let count = values.iter().filter(|value| !value.is_finite()).count();
            bail!(Fault::input(format!(
                "{}: {name} holds {count} values that are not finite, the first of them {} at index {first}; take another copy \
                 of the model, or an earlier state of it",
                file(),
                values[first]
            )));
        }
        Ok(values)
    }
}

/// Reads every tensor in `folder`, under the names of today's `transformers` (the prefix of `model_type`, `weight`
/// and `bias` in LayerNorm).
///
/// # Errors
/// A [`Fault::input`] where there are no weights, or a file of them is damaged.
pub(crate) fn read(folder: &Path, model_type: ModelType) -> Result<BTreeMap<String, StoredTensor>> {
    let at = |name: &str| folder.join(name);
    let tensors = if at(hub::WEIGHTS).is_file() {
        read_safetensors(&at(hub::WEIGHTS))?
    } else if at(hub::WEIGHTS_INDEX).is_file() {
        read_shards(&at(hub::WEIGHTS_INDEX), read_safetensors)?
    } else if at(hub::PYTORCH_WEIGHTS).is_file() {
        read_pytorch(&at(hub::PYTORCH_WEIGHTS))?
    } else if at(hub::PYTORCH_WEIGHTS_INDEX).is_file() {
        read_shards(&at(hub::PYTORCH_WEIGHTS_INDEX), read_pytorch)?
    } else {
        let names = format!("{} or {}", hub::WEIGHTS, hub::PYTORCH_WEIGHTS);
        bail!(Fault::input(format!("{} has no weights; put {names} of the model there", folder.display())));
    };
    rename(tensors, model_type, folder)
}

/// Renames tensors to the names of today's `transformers`, and logs unusual names and types.
fn rename(
    tensors: BTreeMap<String, StoredTensor>,
    model_type: ModelType,
    folder: &Path,
) -> Result<BTreeMap<String, StoredTensor>> {
    let place = folder.display().to_string();
    let naming = Naming::of(tensors.keys().map(String::as_str), model_type, &place)?;
    if !naming.wrapper().is_empty() {
        log::info!(
            "the names of the weights in {place} begin with `{}`, which is left out",
            naming.wrapper()
        );
    }
    let (tensors, beside): (BTreeMap<_, _>, BTreeMap<_, _>) =
        tensors.into_iter().partition(|(name, _)| naming.holds(name));
    if !beside.is_empty() {
        let names = beside.keys();
        log::info!("left aside, which a checkpoint keeps beside a model: {}", listed(names));
    }
    if tensors.values().any(|tensor| tensor.kind == Kind::F64) {
        log::info!("weights in {place} are of type F64; they are converted to float32");
    }
    let found: Vec<&String> = tensors.keys().collect();
    let encoder = format!("{}.", model_type.prefix());
    let nothing = || {
        Fault::input(format!(
            "the weights in {place} hold no tensor of an encoder (`{encoder}…`), but these: {}; take weights as \
             `transformers` saves them",
            listed(&found)
        ))
    };
    ensure!(found.iter().any(|name| naming.modern(name).starts_with(&encoder)), nothing());
    Ok(tensors.into_iter().map(|(name, tensor)| (naming.modern(&name), tensor)).collect())
}

fn damaged(path: &Path) -> Fault {
    Fault::input(format!("{} is damaged or of an unknown kind", path.display()))
}

pub(crate) fn read_safetensors(path: &Path) -> Result<BTreeMap<String, StoredTensor>> {
    refuse_impostor(path, &path.display().to_string())?;
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let origin: Arc<Path> = path.into();
    let file = SafeTensors::deserialize(&bytes).with_context(|| damaged(path))?;
    let tensors = file.iter().map(|(name, view)| {
        let kind = match view.dtype() {
            Dtype::F64 => Kind::F64,
            Dtype::F32 => Kind::F32,
            Dtype::F16 => Kind::F16,
            Dtype::BF16 => Kind::Bf16,
            _ => Kind::Other,
        };
        let (shape, bytes) = (view.shape().to_vec(), view.data().to_vec());
        (name.to_owned(), StoredTensor { shape, kind, bytes, file: Some(Arc::clone(&origin)) })
    });
    Ok(tensors.collect())
}

fn read_pytorch(path: &Path) -> Result<BTreeMap<String, StoredTensor>> {
    ensure!(path.is_file(), Fault::input(format!("{} is missing", path.display())));
    refuse_impostor(path, &path.display().to_string())?;
    let origin: Arc<Path> = path.into();
    // It would number layers anew where one is missing.
    let mut store = PytorchStore::from_file(path).map_indices_contiguous(false);
    let error = |error: &dyn std::fmt::Display| anyhow!("{error}").context(damaged(path));
    let tensors = store.get_all_tensors().map_err(|e| error(&e))?;
    let mut read = BTreeMap::new();
    for (name, tensor) in tensors {
        let (_, dtype, shape, _, bytes) = tensor.clone().into_parts().map_err(|e| error(&e))?;
        let kind = match dtype {
            DType::F64 => Kind::F64,
            DType::F32 => Kind::F32,
            DType::F16 => Kind::F16,
            DType::BF16 => Kind::Bf16,
            _ => Kind::Other,
        };
        let shape = shape.iter().copied().collect();
        let file = Some(Arc::clone(&origin));
        read.insert(name.clone(), StoredTensor { shape, kind, bytes: bytes.to_vec(), file });
    }
    Ok(read)
}

#[derive(Deserialize)]
struct ShardIndex {
    /// By tensor name, the shard's file name.
    weight_map: BTreeMap<String, PathBuf>,
}

type Reader = fn(&Path) -> Result<BTreeMap<String, StoredTensor>>;

fn read_shards(index: &Path, reader: Reader) -> Result<BTreeMap<String, StoredTensor>> {
    let bytes = fs::read(index).with_context(|| format!("cannot read {}", index.display()))?;
    let parsed: ShardIndex = serde_json::from_slice(&bytes).with_context(|| damaged(index))?;
    let shards: BTreeSet<&PathBuf> = parsed.weight_map.values().collect();
    let mut tensors = BTreeMap::new();
    for shard in shards {
        let name = shard.file_name().with_context(|| damaged(index))?;
        tensors.extend(reader(&index.with_file_name(name))?);
    }
    for name in parsed.weight_map.keys() {
        let absent = || Fault::input(format!("{} names {name}, which no shard holds", index.display()));
        ensure!(tensors.contains_key(name), absent());
    }
    Ok(tensors)
}

/// Writes float32 tensors as one safetensors file that `transformers` reads.
pub(crate) fn write(path: &Path, tensors: &BTreeMap<String, StoredTensor>) -> Result<()> {
    let context = || format!("cannot write {}", path.display());
    let views = tensors
        .iter()
        .map(|(name, tensor)| {
            let view = TensorView::new(Dtype::F32, tensor.shape.clone(), &tensor.bytes)?;
            Ok((name.as_str(), view))
        })
        .collect::<Result<Vec<_>>>()
        .with_context(context)?;
    // `transformers` refuses a file that does not say so.
    let metadata = std::collections::HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize_to_file(views, Some(metadata), path).with_context(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn halves() -> StoredTensor {
        let bytes = [f16::from_f32(1.5), f16::from_f32(-2.0)].iter().flat_map(|x| x.to_le_bytes()).collect();
        StoredTensor { shape: vec![2], kind: Kind::F16, bytes, file: None }
    }

    #[test]
    fn half_precision_is_widened() {
        assert_eq!(halves().values().unwrap(), [1.5, -2.0]);
        assert_eq!(
            StoredTensor { kind: Kind::Bf16, bytes: vec![0x80, 0x3f], ..halves() }.values().unwrap(),
            [1.0]
        );
    }

    #[test]
    fn double_precision_is_narrowed() {
        let bytes = [0.1f64, -2.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        let tensor = StoredTensor { kind: Kind::F64, bytes, ..halves() };
        assert_eq!(tensor.weight("x").unwrap(), [0.1f32, -2.0]);
    }

    #[test]
    fn what_is_not_finite_is_told_with_tensor_and_file() {
        let check = |kind, bytes: Vec<u8>, value: &str| {
            let file = Some(Path::new("model.safetensors").into());
            let tensor = StoredTensor { shape: vec![2], kind, bytes, file };
            let error = tensor.weight("classifier.bias").unwrap_err();
            assert_eq!(shared::fault::kind_of(&error).code(), 3);
            for part in ["model.safetensors", "classifier.bias", value] {
                assert!(error.to_string().contains(part), "{error}");
            }
        };
        let narrow = |values: [f32; 2]| values.iter().flat_map(|x| x.to_le_bytes()).collect();
        check(Kind::F32, narrow([1.0, f32::NAN]), "NaN at index 1");
        check(Kind::F32, narrow([f32::NEG_INFINITY, 0.0]), "-inf at index 0");
        check(Kind::F16, vec![0, 0x7c, 0, 0], "inf at index 0");
        let wide = [1e300f64, 0.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        check(Kind::F64, wide, "inf at index 0");
    }

    fn f32_file(path: &Path, names: &[&str]) {
        let tensor = |name: &&str| (name.to_string(), StoredTensor::from_f32(vec![2], &[1.0, 2.0]));
        write(path, &names.iter().map(tensor).collect()).unwrap();
    }

    #[test]
    fn shards_are_joined_and_a_lost_tensor_is_named() {
        let folder = tempfile::tempdir().unwrap();
        f32_file(&folder.path().join("a.safetensors"), &["embeddings.x"]);
        f32_file(&folder.path().join("b.safetensors"), &["classifier.bias"]);
        let index = |map: &str| {
            fs::write(folder.path().join(hub::WEIGHTS_INDEX), format!("{{\"weight_map\": {{{map}}}}}"))
                .unwrap();
        };
        index(r#""embeddings.x": "a.safetensors", "classifier.bias": "b.safetensors""#);
        let tensors = read(folder.path(), ModelType::Bert).unwrap();
        assert_eq!(tensors.keys().collect::<Vec<_>>(), ["bert.embeddings.x", "classifier.bias"]);
        index(r#""embeddings.y": "a.safetensors""#);
        assert!(
            format!("{:#}", read(folder.path(), ModelType::Bert).err().unwrap()).contains("embeddings.y")
        );
    }

    #[test]
    fn names_under_a_wrapper_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let words = "module.bert.embeddings.word_embeddings.weight";
        f32_file(&folder.path().join(hub::WEIGHTS), &[words, "module.classifier.bias"]);
        let tensors = read(folder.path(), ModelType::Bert).unwrap();
        let names = ["bert.embeddings.word_embeddings.weight", "classifier.bias"];
        assert_eq!(tensors.keys().collect::<Vec<_>>(), names);
        let error = read(folder.path(), ModelType::Electra).err().unwrap();
        assert!(error.to_string().contains("`module.bert.`"), "{error}");
    }

    #[test]
    fn weights_of_something_else_are_told() {
        let folder = tempfile::tempdir().unwrap();
        f32_file(&folder.path().join(hub::WEIGHTS), &["linear.bias", "linear.weight"]);
        let error = read(folder.path(), ModelType::Bert).err().unwrap().to_string();
        assert!(error.contains("no tensor of an encoder") && error.contains("linear.bias"), "{error}");
    }

    #[test]
    fn a_pointer_to_a_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        for name in [hub::PYTORCH_WEIGHTS, hub::WEIGHTS] {
            fs::write(folder.path().join(name), "version https://git-lfs.github.com/spec/v1\noid x\n")
                .unwrap();
            let error = read(folder.path(), ModelType::Bert).err().unwrap().to_string();
            assert!(error.contains(name) && error.contains("Git LFS pointer"), "{error}");
        }
    }

    #[test]
    fn a_truncated_file_is_an_input_fault() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(hub::WEIGHTS);
        f32_file(&path, &["a"]);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
        let error = read(folder.path(), ModelType::Bert).err().unwrap();
        assert_eq!(shared::fault::kind_of(&error).code(), 3);
    }
}
