//! One version of a model.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Adapter, Fingerprint, ModelError, VersionId};
use crate::clock::Timestamp;

/// One version of a model: what is to be loaded, and how one knows that it was.
///
/// ```
/// use std::time::Duration;
/// use serinus::model::ModelVersion;
///
/// let v1 = ModelVersion::builder("llama-70b-chat", "v1")
///     .base_model("llama-70b")
///     .weight_hash("aa")
///     .config_hash("c1")
///     .gpu_memory_gb(140.0)
///     .load_time(Duration::from_secs(55))
///     .warmup_tokens(2048)
///     .build()?;
/// let v2 = v1.to_builder().version("v2").weight_hash("bb").build()?;
/// assert_eq!(v2.gpu_memory_gb(), 140.0);
/// # Ok::<(), serinus::model::ModelError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "ModelVersionBuilder", into = "ModelVersionBuilder")]
pub struct ModelVersion {
    version: VersionId,
    weight_hash: Fingerprint,
    load_time: Duration,
    created_at: Option<Timestamp>,
    fields: ModelVersionBuilder,
}

/// The fields of a [`ModelVersion`], not checked yet. Also its form in TOML and JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelVersionBuilder {
    model_id: String,
    version: String,
    base_model: String,
    weight_hash: String,
    #[serde(default)]
    config_hash: String,
    gpu_memory_gb: f64,
    #[serde(default)]
    load_time_seconds: f64,
    #[serde(default)]
    warmup_tokens: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created_at: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tokenizer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chat_template: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quantization: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    context_length: Option<u32>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    adapter: Option<Adapter>,
}

impl ModelVersion {
    /// A description to fill in. Needed are [`base_model`](ModelVersionBuilder::base_model),
    /// [`weight_hash`](ModelVersionBuilder::weight_hash) and [`gpu_memory_gb`](ModelVersionBuilder::gpu_memory_gb).
    pub fn builder(model_id: impl Into<String>, version: impl Into<String>) -> ModelVersionBuilder {
        ModelVersionBuilder { model_id: model_id.into(), version: version.into(), ..ModelVersionBuilder::default() }
    }

    /// A description that starts from this version's.
    pub fn to_builder(&self) -> ModelVersionBuilder {
        self.fields.clone()
    }

    /// The model's name, the same for all its versions: "llama-70b-chat".
    pub fn model_id(&self) -> &str {
        &self.fields.model_id
    }

    /// This version's name.
    pub fn version(&self) -> &VersionId {
        &self.version
    }

    /// The base model's name: "llama-70b".
    pub fn base_model(&self) -> &str {
        &self.fields.base_model
    }

    /// A hash of the (base) weights.
    pub fn weight_hash(&self) -> &Fingerprint {
        &self.weight_hash
    }

    /// A hash of the configuration; empty where there is none.
    pub fn config_hash(&self) -> &str {
        &self.fields.config_hash
    }

    /// GPU memory of one replica in gigabytes, without an adapter's.
    pub fn gpu_memory_gb(&self) -> f64 {
        self.fields.gpu_memory_gb
    }

    /// GPU memory of one replica in gigabytes, with its adapter's.
    pub fn total_memory_gb(&self) -> f64 {
        self.gpu_memory_gb() + self.adapter().map_or(0.0, |adapter| adapter.memory_gb(self.gpu_memory_gb()))
    }

    /// How long a replica takes to load.
    pub fn load_time(&self) -> Duration {
        self.load_time
    }

    /// About how many tokens a replica must run before it is as fast as it will be.
    pub fn warmup_tokens(&self) -> u32 {
        self.fields.warmup_tokens
    }

    /// When it was made.
    pub fn created_at(&self) -> Option<Timestamp> {
        self.created_at
    }

    /// A name or hash of the tokenizer, where known.
    pub fn tokenizer(&self) -> Option<&str> {
        self.fields.tokenizer.as_deref()
    }

    /// A name or hash of the chat template, where known.
    pub fn chat_template(&self) -> Option<&str> {
        self.fields.chat_template.as_deref()
    }

    /// The quantization ("fp8", "awq"), where known.
    pub fn quantization(&self) -> Option<&str> {
        self.fields.quantization.as_deref()
    }

    /// The longest context in tokens, where known.
    pub fn context_length(&self) -> Option<u32> {
        self.fields.context_length
    }

    /// Whatever else the host wants to keep with it.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.fields.metadata
    }

    /// The adapter on top of the base weights.
    pub fn adapter(&self) -> Option<&Adapter> {
        self.fields.adapter.as_ref()
    }

    /// What [`verify`](crate::host::ModelHost::verify) must report once this version is loaded: the adapter's hash if
    /// there is one, else that of the weights.
    pub fn expected_fingerprint(&self) -> &Fingerprint {
        self.adapter().map_or(&self.weight_hash, |adapter| &adapter.weight_hash)
    }
}

impl ModelVersionBuilder {
    /// See [`ModelVersion::version`].
    pub fn version(self, version: impl Into<String>) -> Self {
        Self { version: version.into(), ..self }
    }

    /// See [`ModelVersion::base_model`].
    pub fn base_model(self, base_model: impl Into<String>) -> Self {
        Self { base_model: base_model.into(), ..self }
    }

    /// See [`ModelVersion::weight_hash`].
    pub fn weight_hash(self, weight_hash: impl Into<String>) -> Self {
        Self { weight_hash: weight_hash.into(), ..self }
    }

    /// See [`ModelVersion::config_hash`].
    pub fn config_hash(self, config_hash: impl Into<String>) -> Self {
        Self { config_hash: config_hash.into(), ..self }
    }

    /// See [`ModelVersion::gpu_memory_gb`].
    pub fn gpu_memory_gb(self, gpu_memory_gb: f64) -> Self {
        Self { gpu_memory_gb, ..self }
    }

    /// See [`ModelVersion::load_time`].
    pub fn load_time(self, load_time: Duration) -> Self {
        Self { load_time_seconds: load_time.as_secs_f64(), ..self }
    }

    /// See [`ModelVersion::warmup_tokens`].
    pub fn warmup_tokens(self, warmup_tokens: u32) -> Self {
        Self { warmup_tokens, ..self }
    }

    /// See [`ModelVersion::created_at`].
    pub fn created_at(self, created_at: Timestamp) -> Self {
        Self { created_at: Some(created_at.as_secs_f64()), ..self }
    }

    /// See [`ModelVersion::tokenizer`].
    pub fn tokenizer(self, tokenizer: impl Into<String>) -> Self {
        Self { tokenizer: Some(tokenizer.into()), ..self }
    }

    /// See [`ModelVersion::chat_template`].
    pub fn chat_template(self, chat_template: impl Into<String>) -> Self {
        Self { chat_template: Some(chat_template.into()), ..self }
    }

    /// See [`ModelVersion::quantization`].
    pub fn quantization(self, quantization: impl Into<String>) -> Self {
        Self { quantization: Some(quantization.into()), ..self }
    }

    /// See [`ModelVersion::context_length`].
    pub fn context_length(self, context_length: u32) -> Self {
        Self { context_length: Some(context_length), ..self }
    }

    /// Adds an entry to [`ModelVersion::metadata`].
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// See [`ModelVersion::adapter`]; `None` takes it away.
    pub fn adapter(self, adapter: impl Into<Option<Adapter>>) -> Self {
        Self { adapter: adapter.into(), ..self }
    }

    /// The version, checked.
    ///
    /// # Errors
    ///
    /// [`ModelError`] with the first field that makes no sense.
    pub fn build(self) -> Result<ModelVersion, ModelError> {
        for (field, text) in [("model_id", &self.model_id), ("base_model", &self.base_model)] {
            if text.trim().is_empty() {
                return Err(ModelError::new(field, "not empty", text));
            }
        }
        if !(self.gpu_memory_gb.is_finite() && self.gpu_memory_gb > 0.0) {
            return Err(ModelError::new("gpu_memory_gb", "finite and above 0", self.gpu_memory_gb));
        }
        if let Some(adapter) = &self.adapter {
            check_adapter(adapter)?;
        }
        let load_time = Duration::try_from_secs_f64(self.load_time_seconds)
            .map_err(|_| ModelError::new("load_time_seconds", "finite and at least 0", self.load_time_seconds))?;
        if let Some(created_at) = self.created_at.filter(|at| !at.is_finite() || *at < 0.0) {
            return Err(ModelError::new("created_at", "seconds since the Unix epoch", created_at));
        }
        Ok(ModelVersion {
            version: VersionId::new(&self.version)?,
            weight_hash: Fingerprint::new(&self.weight_hash)?,
            load_time,
            created_at: self.created_at.map(Timestamp::from_secs_f64),
            fields: self,
        })
    }
}

fn check_adapter(adapter: &Adapter) -> Result<(), ModelError> {
    if adapter.name.trim().is_empty() {
        return Err(ModelError::new("adapter.name", "not empty", &adapter.name));
    }
    if adapter.rank == 0 {
        return Err(ModelError::new("adapter.rank", "at least 1", adapter.rank));
    }
    for (field, size) in [("adapter.size_gb", adapter.size_gb), ("adapter.reserved_gb", adapter.reserved_gb)] {
        if let Some(size) = size.filter(|size| !size.is_finite() || *size < 0.0) {
            return Err(ModelError::new(field, "finite and at least 0", size));
        }
    }
    Ok(())
}

impl TryFrom<ModelVersionBuilder> for ModelVersion {
    type Error = ModelError;

    fn try_from(fields: ModelVersionBuilder) -> Result<Self, Self::Error> {
        fields.build()
    }
}

impl From<ModelVersion> for ModelVersionBuilder {
    fn from(version: ModelVersion) -> Self {
        version.fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn builder() -> ModelVersionBuilder {
        ModelVersion::builder("chat", "v1").base_model("llama-70b").weight_hash("aa").gpu_memory_gb(140.0)
    }

    #[test]
    fn each_field_is_checked_and_named() {
        for (bad, field) in [
            (builder().version(""), "version"),
            (builder().base_model(" "), "base_model"),
            (builder().weight_hash(""), "weight_hash"),
            (builder().gpu_memory_gb(f64::NAN), "gpu_memory_gb"),
            (builder().gpu_memory_gb(-1.0), "gpu_memory_gb"),
            (ModelVersionBuilder { load_time_seconds: f64::INFINITY, ..builder() }, "load_time_seconds"),
            (ModelVersionBuilder { created_at: Some(-1.0), ..builder() }, "created_at"),
        ] {
            assert_eq!(bad.build().unwrap_err().field, field);
        }
    }

    #[test]
    fn json_and_toml_keep_everything() {
        let hash = |text: &str| Fingerprint::new(text).unwrap();
        let adapter = Adapter {
            name: "support@3".into(),
            base_weight_hash: hash("aa"),
            weight_hash: hash("ad3"),
            rank: 16,
            size_gb: Some(0.4),
            reserved_gb: None,
        };
        let version = builder()
            .load_time(Duration::from_millis(55_250))
            .created_at(Timestamp::from_secs_f64(1.7e9))
            .tokenizer("llama-3")
            .context_length(8_192)
            .metadata("owner", "search")
            .adapter(adapter)
            .build()
            .unwrap();
        let json = serde_json::to_string(&version).unwrap();
        assert_eq!(serde_json::from_str::<ModelVersion>(&json).unwrap(), version);
        let text = toml::to_string(&version).unwrap();
        assert_eq!(toml::from_str::<ModelVersion>(&text).unwrap(), version);
        assert_eq!(version.expected_fingerprint(), &hash("AD3"));
        assert!((version.total_memory_gb() - 140.4).abs() < 1e-12);
    }

    #[test]
    fn what_is_read_is_checked() {
        let json = serde_json::to_string(&builder().build().unwrap()).unwrap();
        assert!(serde_json::from_str::<ModelVersion>(&json.replace("140.0", "-140.0")).is_err());
        assert!(serde_json::from_str::<ModelVersion>(&json.replace("\"model_id\"", "\"modelid\"")).is_err());
    }
}
