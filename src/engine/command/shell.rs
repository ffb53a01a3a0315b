//! As much of a POSIX shell as start scripts need: words, quotes, variables, and where one command ends.
//!
//! Nothing is run. A command substitution stays as it is written, since its output is not known; conditions and loops are
//! not understood, their commands are taken as if they ran.

use std::collections::BTreeMap;

/// Variables with the values that are known.
pub(super) type Variables = BTreeMap<String, String>;

/// The simple commands of a script in order, as words: unquoted, variables replaced, redirections left out. Assignments in
/// the script add to `variables`.
pub(super) fn commands(script: &str, variables: &mut Variables) -> Vec<Vec<String>> {
    let mut reader = Reader {
        rest: script.chars().collect::<Vec<_>>().into_iter().peekable(),
        word: None,
        words: Vec::new(),
    };
    let mut commands = Vec::new();
    while let Some(c) = reader.rest.next() {
        match c {
            ';' | '\n' | '|' | '&' | '(' | ')' => {
                // `2>&1` is a redirection, not the end of a command.
                if c == '&' && reader.word.as_deref().is_some_and(|word| word.ends_with('>')) {
                    reader.push('&');
                    continue;
                }
                reader.end_word();
                end_command(&mut reader.words, &mut commands, variables);
            }
            '#' if reader.word.is_none() => while reader.rest.next_if(|c| *c != '\n').is_some() {},
            '\\' => match reader.rest.next() {
                Some('\n') | None => {}
                Some(c) => reader.push(c),
            },
            '\'' => reader.single_quoted(),
            '"' => reader.double_quoted(variables),
            '$' => reader.dollar(variables),
            c if c.is_whitespace() => reader.end_word(),
            c => reader.push(c),
        }
    }
    reader.end_word();
    end_command(&mut reader.words, &mut commands, variables);
    commands
}

/// Kubernetes' own replacement in `command` and `args`: `$(NAME)` if there is such a variable, `$$` for a dollar sign.
pub(super) fn replace(text: &str, variables: &Variables) -> String {
    let mut replaced = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        replaced.push_str(&rest[..at]);
        rest = &rest[at..];
        let name = rest.strip_prefix("$(").and_then(|inside| inside.split_once(')'));
        match name.and_then(|(name, after)| Some((variables.get(name)?, after))) {
            Some((value, after)) => {
                replaced.push_str(value);
                rest = after;
            }
            None if rest.starts_with("$$") => {
                replaced.push('$');
                rest = &rest[2..];
            }
            None => {
                replaced.push('$');
                rest = &rest[1..];
            }
        }
    }
    replaced + rest
}

/// Puts leading assignments among the variables, and what remains among the commands.
fn end_command(words: &mut Vec<String>, commands: &mut Vec<Vec<String>>, variables: &mut Variables) {
    let mut words = std::mem::take(words).into_iter().peekable();
    words.next_if(|word| word == "export");
    while let Some(word) = words.next_if(|word| assignment(word).is_some()) {
        if let Some((name, value)) = assignment(&word) {
            variables.insert(name.to_owned(), value.to_owned());
        }
    }
    let mut command = Vec::new();
    while let Some(word) = words.next() {
        match word.trim_start_matches(|c: char| c.is_ascii_digit()) {
            // The target of a redirection may be a word of its own.
            ">" | ">>" | "<" => {
                words.next();
            }
            redirection if redirection.starts_with(['>', '<']) => {}
            _ => command.push(word),
        }
    }
    if !command.is_empty() {
        commands.push(command);
    }
}

fn assignment(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    is_name(name).then_some((name, value))
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Reads a script character by character.
struct Reader {
    rest: std::iter::Peekable<std::vec::IntoIter<char>>,
    /// The word so far; quotes make an empty one.
    word: Option<String>,
    words: Vec<String>,
}

impl Reader {
    fn push(&mut self, c: char) {
        self.word.get_or_insert_default().push(c);
    }

    fn push_str(&mut self, text: &str) {
        self.word.get_or_insert_default().push_str(text);
    }

    fn end_word(&mut self) {
        self.words.extend(self.word.take());
    }

    fn single_quoted(&mut self) {
        self.push_str("");
        while let Some(c) = self.rest.next_if(|c| *c != '\'') {
            self.push(c);
        }
        self.rest.next();
    }

    fn double_quoted(&mut self, variables: &Variables) {
        self.push_str("");
        while let Some(c) = self.rest.next() {
            match c {
                '"' => return,
                '$' => self.dollar(variables),
                '\\' => match self.rest.next() {
                    Some('\n') | None => {}
                    Some(c @ ('"' | '\\' | '$' | '`')) => self.push(c),
                    Some(c) => {
                        self.push('\\');
                        self.push(c);
                    }
                },
                c => self.push(c),
            }
        }
    }

    /// What stands behind a dollar sign: a variable, or something that is kept as it is.
    fn dollar(&mut self, variables: &Variables) {
        match self.rest.peek() {
            Some('{') => {
                self.rest.next();
                let inside = self.until('}');
                let (name, default) = inside.split_once(":-").map_or((&*inside, None), |(n, d)| (n, Some(d)));
                let known = variables.get(name).map(String::as_str).filter(|value| !value.is_empty());
                match known.or(default) {
                    Some(value) => self.push_str(value),
                    None => self.push_str(&format!("${{{inside}}}")),
                }
            }
            Some('(') => {
                self.rest.next();
                let inside = self.until(')');
                self.push_str(&format!("$({inside})"));
            }
            Some(c) if c.is_ascii_alphabetic() || *c == '_' => {
                let mut name = String::new();
                while let Some(c) = self.rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                    name.push(c);
                }
                match variables.get(&name) {
                    Some(value) => self.push_str(value),
                    None => self.push_str(&format!("${name}")),
                }
            }
            _ => self.push('$'),
        }
    }

    /// The text up to the bracket that closes, which is left out.
    fn until(&mut self, close: char) -> String {
        let open = if close == ')' { '(' } else { '{' };
        let (mut inside, mut depth) = (String::new(), 0);
        for c in self.rest.by_ref() {
            if c == close && depth == 0 {
                break;
            }
            depth += i32::from(c == open) - i32::from(c == close);
            inside.push(c);
        }
        inside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_cut_into_commands_and_words() {
        let mut variables = Variables::from([("LWS_GROUP_SIZE".to_owned(), "4".to_owned())]);
        let script = "set -e # all\nexport N=\"${LWS_GROUP_SIZE:-2}\"\nRANK=${LWS_WORKER_INDEX:-0}\n\
                      vllm serve 'a b' \\\n  --nnodes $N --rank ${RANK} --ip $(hostname -I | head -1) 2>&1 | tee /tmp/log && echo \"x\\\"y\"";
        let words = commands(script, &mut variables);
        let expected: [&[&str]; 4] = [
            &["set", "-e"],
            &["vllm", "serve", "a b", "--nnodes", "4", "--rank", "0", "--ip", "$(hostname -I | head -1)"],
            &["tee", "/tmp/log"],
            &["echo", "x\"y"],
        ];
        assert_eq!(words, expected);
    }

    #[test]
    fn kubernetes_replaces_what_it_knows() {
        let variables = Variables::from([("SIZE".to_owned(), "2".to_owned())]);
        assert_eq!(replace("$(SIZE) $(NODE) $$(SIZE) $SIZE", &variables), "2 $(NODE) $(SIZE) $SIZE");
    }
}
