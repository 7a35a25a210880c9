//! `${name}` in commands: ports of nodes and captured values, with a number added or subtracted.

use std::collections::HashMap;

/// Names and what they stand for.
#[derive(Debug, Clone, Default)]
pub(super) struct Variables(HashMap<String, String>);

impl Variables {
    pub(super) fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    /// Replaces every `${...}`; one that is unknown is an error.
    pub(super) fn expand(&self, text: &str) -> Result<String, String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("${") {
            let (expression, behind) = behind.split_once('}').ok_or_else(|| format!("`${{` without `}}` in {text}"))?;
            out.push_str(before);
            out.push_str(&self.value(expression)?);
            rest = behind;
        }
        out.push_str(rest);
        Ok(out)
    }

    fn value(&self, expression: &str) -> Result<String, String> {
        if let Some(value) = self.0.get(expression) {
            return Ok(value.clone());
        }
        // Names of nodes may hold a minus sign: the last one counts, and a number must follow it.
        let split = expression.rfind(['+', '-']).map(|at| expression.split_at(at));
        if let Some((name, step)) = split
            && let Ok(step) = step.parse::<i64>()
            && let Some(value) = self.0.get(name)
        {
            let number: i64 = value.parse().map_err(|_| format!("{name} is not a number: {value}"))?;
            return Ok((number + step).to_string());
        }
        Err(format!("nothing is captured as `{expression}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_captured_number_can_be_used_with_an_offset() {
        let mut variables = Variables::default();
        variables.set("replica-1.port", "20001");
        variables.set("last", "100");
        assert_eq!(variables.expand("a ${replica-1.port} ${last+2} ${last-1}").unwrap(), "a 20001 102 99");
        assert!(variables.expand("${lost}").is_err());
    }
}
