//! Every public function of fusebox, by rustdoc, and which of them are called, by an object file.
//!
//! A function is known by the type that it is a method of, the trait, and its name. Rustdoc tells all three of everything
//! public, and writes generic parameters by name. A symbol in the `v0` mangling tells them too, with types in place of the
//! parameters: so `Dense<IN, OUT, A>` is called where `Dense<3, 2, Relu>` is.

use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;

/// A function that is public.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Function {
    owner: Option<Type>,
    /// The last word of the trait's path.
    of_trait: Option<String>,
    name: String,
}

/// A type with its arguments, or a parameter, which stands for any.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Type {
    Any,
    Named(String, Vec<Type>),
}

impl Type {
    /// Whether the other type, which has no parameters, may be this one. Arguments that are left out are defaults.
    fn fits(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Named(name, arguments), Self::Named(other, others)) => {
                name == other && arguments.iter().zip(others).all(|(one, other)| one.fits(other))
            }
            (Self::Named(..), Self::Any) => false,
        }
    }

    /// From rustdoc: paths are looked up, so that a name is the same wherever it is written.
    fn documented(docs: &Value, value: &Value) -> Self {
        let Some(resolved) = value.get("resolved_path") else { return Self::Any };
        let item = &docs["index"][resolved["id"].to_string()];
        if let Some(alias) = item["inner"].get("type_alias") {
            return Self::documented(docs, &alias["type"]);
        }
        let arguments = resolved["args"]["angle_bracketed"]["args"].as_array();
        let arguments =
            arguments.into_iter().flatten().filter_map(|argument| match argument.get("lifetime") {
                Some(_) => None,
                None => Some(argument.get("type").map_or(Self::Any, |value| Self::documented(docs, value))),
            });
        path(docs, &resolved["id"]).map_or(Self::Any, |path| Self::Named(path, arguments.collect()))
    }

    /// From a demangled symbol.
    fn demangled(text: &str) -> Self {
        let (name, arguments) = match text.split_once('<') {
            Some((name, rest)) if !name.is_empty() => (name, rest.strip_suffix('>').unwrap_or(rest)),
            _ => (text, ""),
        };
        let arguments =
            split(arguments, ", ").into_iter().filter(|word| !word.is_empty() && !word.starts_with('\''));
        Self::Named(name.to_string(), arguments.map(Self::demangled).collect())
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Named(name, arguments) = self else { return f.write_str("_") };
        f.write_str(name)?;
        for (i, argument) in arguments.iter().enumerate() {
            write!(f, "{}{argument}", if i == 0 { "<" } else { ", " })?;
        }
        f.write_str(if arguments.is_empty() { "" } else { ">" })
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.owner, &self.of_trait) {
            (Some(owner), Some(of_trait)) => write!(f, "<{owner} as {of_trait}>::{}", self.name),
            (Some(owner), None) => write!(f, "{owner}::{}", self.name),
            (None, _) => f.write_str(&self.name),
        }
    }
}

fn path(docs: &Value, id: &Value) -> Option<String> {
    let words = docs["paths"][id.to_string()]["path"].as_array()?;
    Some(words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("::"))
}

/// What can be named from outside: modules and what they hold or show again.
fn reach(docs: &Value, id: &Value, public: &mut BTreeSet<String>) {
    let inner = &docs["index"][id.to_string()]["inner"];
    if !public.insert(id.to_string()) {
        return;
    }
    for id in inner["module"]["items"].as_array().into_iter().flatten().chain(inner["use"].get("id")) {
        reach(docs, id, public);
    }
}

/// All public functions, as `rustdoc --output-format json` tells of them.
pub(super) fn documented(docs: &Value) -> Result<BTreeSet<Function>> {
    let index = docs["index"].as_object().context("rustdoc's JSON has no index")?;
    let items = |ids: &Value| -> Vec<&Value> {
        ids.as_array().into_iter().flatten().filter_map(|id| index.get(&id.to_string())).collect()
    };
    let mut public = BTreeSet::new();
    reach(docs, &docs["root"], &mut public);
    let mut functions = BTreeSet::new();
    let mut methods = BTreeSet::new();
    let mut add = |owner: Option<Type>, of_trait: Option<String>, item: &Value| {
        if item["inner"].get("function").is_some() {
            let name = item["name"].as_str().unwrap_or_default().to_string();
            functions.insert(Function { owner, of_trait, name });
        }
    };
    for item in index.values().filter(|item| item["crate_id"] == 0) {
        if let Some(of) = item["inner"].get("impl") {
            if of["is_synthetic"] == true || !of["blanket_impl"].is_null() {
                continue;
            }
            let of_trait = of["trait"]["path"].as_str().and_then(|path| path.rsplit("::").next());
            for method in items(&of["items"]) {
                methods.insert(method["id"].to_string());
                add(Some(Type::documented(docs, &of["for"])), of_trait.map(String::from), method);
            }
        } else if let Some(of) = item["inner"].get("trait") {
            for method in items(&of["items"]) {
                // What has no body is the affair of those who implement it; if nobody does here, of the caller.
                let needed = method["inner"]["function"]["has_body"] == true
                    || items(&of["implementations"]).is_empty();
                let of_trait =
                    item["name"].as_str().filter(|_| needed && public.contains(&item["id"].to_string()));
                methods.insert(method["id"].to_string());
                if let Some(of_trait) = of_trait {
                    add(Some(Type::Any), Some(of_trait.into()), method);
                }
            }
        }
    }
    for (id, item) in index.iter().filter(|(id, item)| item["crate_id"] == 0 && !methods.contains(*id)) {
        if item["inner"].get("function").is_some() {
            let name = path(docs, &item["id"]).with_context(|| format!("function {id} has no path"))?;
            functions.insert(Function { owner: None, of_trait: None, name });
        }
    }
    Ok(functions)
}

/// The function that a demangled symbol names, if it is one and not a part of one.
pub(super) fn called(symbol: &str) -> Option<Function> {
    let words = split(symbol, "::");
    if words.iter().any(|word| word.starts_with('{')) {
        return None;
    }
    // Types in place of the function's own parameters are a last word in brackets.
    let of_type = words.len() > 1 && words.last()?.starts_with('<');
    let words = if of_type { &words[..words.len() - 1] } else { &words[..] };
    let &[owner, name] = words else {
        return Some(Function { owner: None, of_trait: None, name: words.join("::") });
    };
    let Some(owner) = owner.strip_prefix('<').and_then(|owner| owner.strip_suffix('>')) else {
        return Some(Function { owner: None, of_trait: None, name: words.join("::") });
    };
    let of = split(owner, " as ");
    let of_trait = of.get(1).and_then(|path| split(path, "<").first()?.rsplit("::").next().map(String::from));
    Some(Function { owner: Some(Type::demangled(of[0])), of_trait, name: name.to_string() })
}

/// The functions that none of the calls is of. A call is of the function of its own type, if there is one; what is written
/// for any type, as a trait's own methods are, has the calls that are left.
pub(super) fn missing<'a>(
    functions: &'a BTreeSet<Function>,
    calls: &BTreeSet<Function>,
) -> Vec<&'a Function> {
    let fits = |function: &Function, call: &Function| {
        let owner = match (&function.owner, &call.owner) {
            (Some(owner), Some(other)) => owner.fits(other),
            (owner, other) => owner == other,
        };
        owner && function.of_trait == call.of_trait && function.name == call.name
    };
    let (general, special): (Vec<_>, Vec<_>) =
        functions.iter().partition(|function| function.owner == Some(Type::Any));
    let rest: Vec<_> =
        calls.iter().filter(|call| !special.iter().any(|special| fits(special, call))).collect();
    let special = special.into_iter().filter(|special| !calls.iter().any(|call| fits(special, call)));
    special
        .chain(general.into_iter().filter(|general| !rest.iter().any(|call| fits(general, call))))
        .collect()
}

/// The parts of `text` between `separator`s that no bracket encloses.
fn split<'a>(text: &'a str, separator: &str) -> Vec<&'a str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    for (at, c) in text.char_indices() {
        if depth == 0 && at >= start && text[at..].starts_with(separator) {
            parts.push(&text[start..at]);
            start = at + separator.len();
        }
        depth = match c {
            '<' | '(' | '[' => depth + 1,
            '>' if !text[..at].ends_with('-') => depth.saturating_sub(1),
            ')' | ']' => depth.saturating_sub(1),
            _ => depth,
        };
    }
    parts.push(text.get(start..).unwrap_or_default());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(symbol: &str) -> Option<String> {
        called(symbol).map(|function| function.to_string())
    }

    #[test]
    fn symbols() {
        for (symbol, function) in [
            ("fusebox::data::split::split::<2, u8>", "fusebox::data::split::split"),
            ("<fusebox::rng::Rng>::below", "fusebox::rng::Rng::below"),
            (
                "<fusebox::layer::Dense<3, 2, fusebox::Relu> as fusebox::layer::Layer>::forward::<4>",
                "<fusebox::layer::Dense<3, 2, fusebox::Relu> as Layer>::forward",
            ),
            (
                "<fusebox::Error as core::convert::From<fusebox::Full<u8>>>::from",
                "<fusebox::Error as From>::from",
            ),
            ("<fusebox::Mat<'_> as core::clone::Clone>::clone", "<fusebox::Mat as Clone>::clone"),
            ("<fusebox::A<fn(u8) -> u8, (u8, u8)>>::b", "fusebox::A<fn(u8) -> u8, (u8, u8)>::b"),
        ] {
            assert_eq!(shown(symbol).as_deref(), Some(function));
        }
        assert_eq!(shown("fusebox::data::split::split::{closure#0}"), None);
    }

    #[test]
    fn what_nobody_calls() {
        let docs = serde_json::json!({
            "index": {
                "1": { "id": 1, "crate_id": 0, "inner": { "impl": {
                    "for": { "resolved_path": { "id": 7, "args": { "angle_bracketed": { "args": [
                        { "type": { "generic": "A" } }, { "type": { "resolved_path": { "id": 8, "args": null } } },
                    ] } } } },
                    "trait": null, "is_synthetic": false, "blanket_impl": null, "items": [2],
                } } },
                "2": { "id": 2, "crate_id": 0, "name": "new", "inner": { "function": {} } },
                "3": { "id": 3, "crate_id": 0, "name": "free", "inner": { "function": {} } },
                "4": { "id": 4, "crate_id": 0, "name": "Trait",
                    "inner": { "trait": { "items": [5], "implementations": [] } } },
                "5": { "id": 5, "crate_id": 0, "name": "default", "inner": { "function": { "has_body": true } } },
                "6": { "id": 6, "crate_id": 0, "inner": { "module": { "items": [4] } } },
            },
            "root": 6,
            "paths": {
                "3": { "path": ["f", "m", "free"] }, "7": { "path": ["f", "B"] }, "8": { "path": ["f", "C"] },
            },
        });
        let functions = documented(&docs).unwrap();
        let missing = |calls: &[&str]| -> Vec<String> {
            let calls = calls.iter().filter_map(|symbol| called(symbol)).collect();
            super::missing(&functions, &calls).iter().map(|function| function.to_string()).collect()
        };
        assert_eq!(missing(&[]), ["f::m::free", "f::B<_, f::C>::new", "<_ as Trait>::default"]);
        assert_eq!(missing(&["f::m::free", "<f::B<u8, f::C>>::new", "<u8 as f::Trait>::default"]), [""; 0]);
        assert_eq!(
            missing(&["m::free", "<f::B<u8, f::D>>::new", "<u8 as f::Other>::default"]),
            ["f::m::free", "f::B<_, f::C>::new", "<_ as Trait>::default"]
        );
    }
}
