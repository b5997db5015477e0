//! A table of fields: `<plural>.<version>.tsv`, one line a field.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::compare::{Facts, OBJECT, Shape};

const HEADER: &str = "path\ttype\trequired\tconstraints";

/// Reads a table.
pub(super) fn read(text: &str) -> Result<Shape> {
    let mut lines = text.lines();
    if lines.next() != Some(HEADER) {
        bail!("the first line isn't the header");
    }
    // Every object has these, so that the tables leave them out.
    let mut shape = Shape::new();
    for (path, type_) in [
        (OBJECT, "object"),
        ("apiVersion", "string"),
        ("kind", "string"),
        ("metadata", "object"),
    ] {
        shape.insert(path.to_owned(), [("type".to_owned(), type_.into())].into());
    }
    for line in lines {
        let (path, facts) = field(line).with_context(|| format!("read the line {line:?}"))?;
        if shape.insert(path.to_owned(), facts).is_some() {
            bail!("{path} is there twice");
        }
    }
    Ok(shape)
}

fn field(line: &str) -> Result<(&str, Facts)> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [path, type_, required, words] = columns.as_slice() else {
        bail!("{} columns", columns.len());
    };
    let mut facts = constraints(words)?;
    if !type_.is_empty() {
        facts.insert("type".to_owned(), Value::from(*type_));
    }
    match *required {
        "" => {}
        "required" => {
            facts.insert("required".to_owned(), true.into());
        }
        other => bail!("{other:?} instead of \"required\""),
    }
    Ok((path, facts))
}

/// `word=JSON word=JSON`, where the JSON may have spaces.
fn constraints(text: &str) -> Result<Facts> {
    let mut facts = Facts::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (word, after) = rest
            .split_once('=')
            .with_context(|| format!("{rest:?} has no value"))?;
        let mut values = serde_json::Deserializer::from_str(after).into_iter::<Value>();
        let value = values
            .next()
            .context("a value is missing")?
            .with_context(|| format!("the value of {word}"))?;
        let end = values.byte_offset();
        facts.insert(word.to_owned(), value);
        rest = after.get(end..).unwrap_or_default().trim_start();
    }
    Ok(facts)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn constraints_are_json_and_may_have_spaces() {
        let facts = constraints(r#"enum=["a b", "c=d"] default="" minimum=0"#).unwrap();
        assert_eq!(facts["enum"], json!(["a b", "c=d"]));
        assert_eq!(facts["default"], "");
        assert_eq!(facts["minimum"], 0);
        assert!(constraints("format").is_err());
        assert!(constraints("format=int32").is_err());
    }

    #[test]
    fn a_line_that_is_none_is_an_error() {
        let table = |line: &str| read(&format!("{HEADER}\n{line}\n"));
        assert!(table("spec\tobject\t\t").is_ok());
        assert!(table("spec\tobject\t").is_err());
        assert!(table("spec\tobject\tyes\t").is_err());
        assert!(table("spec\tobject\t\t\nspec\tobject\t\t").is_err());
        assert!(read("spec\tobject\t\t").is_err());
    }
}
