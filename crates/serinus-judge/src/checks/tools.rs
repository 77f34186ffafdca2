//! Whether a call of a tool can be carried out.

use serde_json::Value;
use serinus::host::{Tool, ToolCall};

use super::schemas::Schemas;

/// Whether there is such a tool and the arguments fit it. Arguments are a JSON object; no text at all is an empty one.
pub(super) fn fits(call: &ToolCall, tools: &[Tool], schemas: &Schemas) -> bool {
    let Some(tool) = tools.iter().find(|tool| tool.name == call.name) else { return false };
    let written = if call.arguments.trim().is_empty() { "{}" } else { &call.arguments };
    match serde_json::from_str::<Value>(written) {
        Ok(arguments) => arguments.is_object() && schemas.fits(&arguments, &tool.parameters),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(name: &str, arguments: &str) -> bool {
        let city = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
        let tools =
            [Tool { name: "weather".into(), parameters: city }, Tool { name: "stop".into(), parameters: Value::Null }];
        fits(&ToolCall { name: name.into(), arguments: arguments.into() }, &tools, &Schemas::default())
    }

    #[test]
    fn a_call_fits_its_tool() {
        assert!(call("weather", "{\"city\": \"Oslo\"}"));
        assert!(call("weather", "{\"city\": \"Oslo\", \"days\": 3}"), "the schema allows more");
        assert!(call("stop", "{}"));
        assert!(call("stop", ""), "some servers write nothing for no arguments");
    }

    #[test]
    fn a_call_that_cannot_be_carried_out_does_not() {
        assert!(!call("wether", "{\"city\": \"Oslo\"}"));
        assert!(!call("Weather", "{\"city\": \"Oslo\"}"));
        assert!(!call("weather", "{\"city\": 7}"));
        assert!(!call("weather", "{}"));
        assert!(!call("weather", ""));
        assert!(!call("weather", "{\"city\": \"Oslo\""));
        assert!(!call("weather", "city=Oslo"));
        assert!(!call("stop", "[]"));
        assert!(!call("stop", "null"));
    }
}
