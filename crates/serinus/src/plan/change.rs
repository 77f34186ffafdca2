//! What an update changes, and how much can go wrong with that.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::ModelVersion;

/// What an update changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The configuration; the weights are the same.
    ConfigOnly,
    /// The adapter on top of the same base weights.
    AdapterSwap,
    /// The weights, on the same base model; or the tokenizer, chat template, quantization or context, which change
    /// every answer too.
    FineTune,
    /// The base model, within its family.
    NewVersion,
    /// The family.
    NewFamily,
}

impl Change {
    /// What is different between two versions.
    pub fn between(current: &ModelVersion, target: &ModelVersion) -> Self {
        if current.weight_hash() == target.weight_hash() && current.base_model() == target.base_model() {
            return Self::on_the_same_weights(current, target);
        }
        if current.base_model() == target.base_model() {
            Self::FineTune
        } else if family(current.base_model()) == family(target.base_model()) {
            Self::NewVersion
        } else {
            Self::NewFamily
        }
    }

    fn on_the_same_weights(current: &ModelVersion, target: &ModelVersion) -> Self {
        let shorter = match (current.context_length(), target.context_length()) {
            (Some(current), Some(target)) => target < current,
            _ => false,
        };
        let answers_change = current.tokenizer() != target.tokenizer()
            || current.chat_template() != target.chat_template()
            || current.quantization() != target.quantization()
            || shorter;
        let adapter = |version: &ModelVersion| version.adapter().map(|adapter| adapter.weight_hash.clone());
        if answers_change {
            Self::FineTune
        } else if adapter(current) != adapter(target) {
            Self::AdapterSwap
        } else {
            Self::ConfigOnly
        }
    }

    /// How much can go wrong.
    pub const fn risk(self) -> Risk {
        match self {
            Self::ConfigOnly => Risk::Low,
            Self::AdapterSwap | Self::FineTune => Risk::Medium,
            Self::NewVersion => Risk::High,
            Self::NewFamily => Risk::Critical,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConfigOnly => "another configuration of the same weights",
            Self::AdapterSwap => "another adapter on the same weights",
            Self::FineTune => "a fine-tune of the same base model",
            Self::NewVersion => "another base model of the same family",
            Self::NewFamily => "a model of another family",
        })
    }
}

/// The leading letters of a base model's name: "meta-llama/Llama-3-70b" and "llama2-7b" are of the family "llama".
fn family(base_model: &str) -> String {
    let name = base_model.rsplit('/').next().unwrap_or(base_model);
    let letters: String = name.chars().take_while(|c| c.is_alphabetic()).collect();
    if letters.is_empty() { name.to_lowercase() } else { letters.to_lowercase() }
}

/// How much can go wrong with an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// A setting changes.
    Low,
    /// The weights change, on the same base.
    Medium,
    /// The base changes.
    High,
    /// Everything changes.
    Critical,
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        })
    }
}

/// How an update is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Replica by replica: drain, unload, load, warm, verify, return.
    Rolling,
    /// A little traffic first, then more and more, judged all the way.
    Canary,
    /// A full second set, one flip, the old set kept for the way back.
    BlueGreen,
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rolling => "rolling",
            Self::Canary => "canary",
            Self::BlueGreen => "blue-green",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_told_by_the_leading_letters() {
        for (name, expected) in [
            ("meta-llama/Llama-3-70b", "llama"),
            ("llama2-7b", "llama"),
            ("mistral-7b", "mistral"),
            ("7b-instruct", "7b-instruct"),
        ] {
            assert_eq!(family(name), expected);
        }
    }

    #[test]
    fn a_chat_template_is_not_a_mere_setting() {
        let base = ModelVersion::builder("m", "v1").base_model("llama-7b").weight_hash("aa").gpu_memory_gb(14.0);
        let current = base.clone().build().unwrap();
        let change = |target: crate::model::ModelVersionBuilder| {
            Change::between(&current, &target.version("v2").build().unwrap())
        };
        assert_eq!(change(base.clone().config_hash("c2")), Change::ConfigOnly);
        assert_eq!(change(base.clone().chat_template("t2")), Change::FineTune);
        assert_eq!(change(base.clone().quantization("fp8")), Change::FineTune);
        assert_eq!(change(base.clone().weight_hash("bb")), Change::FineTune);
        assert_eq!(change(base.clone().base_model("llama-13b").weight_hash("bb")), Change::NewVersion);
        assert_eq!(change(base.base_model("mistral-7b").weight_hash("bb")), Change::NewFamily);
    }
}
