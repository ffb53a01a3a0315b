//! As much of a POSIX shell as start scripts need: words, quotes, variables, and where one command ends.
//!
//! Nothing is run. A command substitution stays as it is written, since its output is not known; conditions and loops are
//! not understood, their commands are taken as if they ran.

mod arithmetic;

use std::collections::BTreeMap;

use arithmetic::evaluate;

/// Variables with the values that are known.
pub(super) type Variables = BTreeMap<String, String>;

/// A quote, or a bracket of a substitution, that nothing closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unclosed(pub(super) char);

/// The simple commands of a script in order, as words: unquoted, variables replaced, redirections and here-documents left
/// out. Assignments in the script add to `variables`.
pub(super) fn commands(script: &str, variables: &mut Variables) -> Result<Vec<Vec<String>>, Unclosed> {
    let mut reader = Reader::new(script);
    let mut commands = Vec::new();
    while let Some(c) = reader.rest.next() {
        match c {
            '&' if reader.rest.peek() == Some(&'>') => {}
            ';' | '\n' | '|' | '&' | '(' | ')' => {
                reader.end_word();
                end_command(&mut reader.words, &mut commands, variables);
                if c == '\n' {
                    reader.skip_documents();
                }
            }
            '>' | '<' => reader.redirection(c),
            '#' if reader.word.is_none() => while reader.rest.next_if(|c| *c != '\n').is_some() {},
            '\\' => match reader.rest.next() {
                Some('\n') | None => {}
                Some(c) => reader.push(c),
            },
            '\'' => reader.single_quoted()?,
            '"' => reader.double_quoted(variables)?,
            '`' => reader.backticks()?,
            '$' => reader.dollar(variables, false)?,
            c if c.is_whitespace() => reader.end_word(),
            c => reader.push(c),
        }
    }
    reader.end_word();
    end_command(&mut reader.words, &mut commands, variables);
    Ok(commands)
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
    let command: Vec<String> = words.collect();
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
    /// The word that comes is where a redirection leads.
    redirected: bool,
    /// Lines that end the here-documents which begin on the next line.
    documents: Vec<String>,
}

impl Reader {
    fn new(script: &str) -> Self {
        Self {
            rest: script.chars().collect::<Vec<_>>().into_iter().peekable(),
            word: None,
            words: Vec::new(),
            redirected: false,
            documents: Vec::new(),
        }
    }

    fn push(&mut self, c: char) {
        self.word.get_or_insert_default().push(c);
    }

    fn push_str(&mut self, text: &str) {
        self.word.get_or_insert_default().push_str(text);
    }

    fn end_word(&mut self) {
        let Some(word) = self.word.take() else { return };
        if !std::mem::take(&mut self.redirected) {
            self.words.push(word);
        }
    }

    /// `>`, `2>&1`, `<<EOF` and the like; their target is no word of the command.
    fn redirection(&mut self, first: char) {
        if self.word.as_deref().is_some_and(|word| word.chars().all(|c| c.is_ascii_digit())) {
            self.word = None;
        }
        self.end_word();
        let mut operator = String::from(first);
        while let Some(c) = self.rest.next_if(|c| "<>&|-".contains(*c)) {
            operator.push(c);
        }
        if operator == "<<" || operator == "<<-" {
            while self.rest.next_if(|c| *c == ' ').is_some() {}
            let mut end = String::new();
            while let Some(c) = self.rest.next_if(|c| !c.is_whitespace() && !";|&".contains(*c)) {
                end.push(c);
            }
            self.documents.push(end.replace(['\'', '"', '\\'], ""));
        } else {
            self.redirected = !operator.ends_with('-');
        }
    }

    /// Leaves out the here-documents that begin here.
    fn skip_documents(&mut self) {
        for end in std::mem::take(&mut self.documents) {
            while self.rest.peek().is_some() {
                let line: String = std::iter::from_fn(|| self.rest.next_if(|c| *c != '\n')).collect();
                self.rest.next();
                if line.trim_start_matches('\t') == end {
                    break;
                }
            }
        }
    }

    fn single_quoted(&mut self) -> Result<(), Unclosed> {
        self.push_str("");
        while let Some(c) = self.rest.next_if(|c| *c != '\'') {
            self.push(c);
        }
        self.rest.next().map(|_| ()).ok_or(Unclosed('\''))
    }

    fn double_quoted(&mut self, variables: &Variables) -> Result<(), Unclosed> {
        self.push_str("");
        while let Some(c) = self.rest.next() {
            match c {
                '"' => return Ok(()),
                '$' => self.dollar(variables, true)?,
                '`' => self.backticks()?,
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
        Err(Unclosed('"'))
    }

    /// The old form of a command substitution, kept as it is.
    fn backticks(&mut self) -> Result<(), Unclosed> {
        self.push('`');
        while let Some(c) = self.rest.next_if(|c| *c != '`') {
            self.push(c);
        }
        self.push('`');
        self.rest.next().map(|_| ()).ok_or(Unclosed('`'))
    }

    /// What stands behind a dollar sign: a variable, or something that is kept as it is.
    fn dollar(&mut self, variables: &Variables, quoted: bool) -> Result<(), Unclosed> {
        match self.rest.peek() {
            Some('{') => {
                self.rest.next();
                let inside = self.until('}')?;
                match braced(&inside, variables)? {
                    Some(value) => self.value(&value, quoted),
                    None => self.push_str(&format!("${{{inside}}}")),
                }
            }
            Some('(') => {
                self.rest.next();
                let inside = self.until(')')?;
                let sum = inside.strip_prefix('(').and_then(|sum| sum.strip_suffix(')'));
                match sum.and_then(|sum| evaluate(sum, variables)) {
                    Some(number) => self.push_str(&number.to_string()),
                    None => self.push_str(&format!("$({inside})")),
                }
            }
            Some(c) if c.is_ascii_alphabetic() || *c == '_' => {
                let mut name = String::new();
                while let Some(c) = self.rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                    name.push(c);
                }
                match variables.get(&name) {
                    Some(value) => self.value(value, quoted),
                    None => self.push_str(&format!("${name}")),
                }
            }
            _ => self.push('$'),
        }
        Ok(())
    }

    /// The value of a variable: several words where no quotes hold it together and nothing is assigned.
    fn value(&mut self, value: &str, quoted: bool) {
        let before = self.words.iter().all(|word| word == "export" || assignment(word).is_some());
        let assigned = before && self.word.as_deref().is_some_and(|word| assignment(word).is_some());
        if quoted || assigned {
            self.push_str(value);
            return;
        }
        for c in value.chars() {
            if c.is_whitespace() {
                self.end_word();
            } else {
                self.push(c);
            }
        }
    }

    /// The text up to the bracket that closes, which is left out.
    fn until(&mut self, close: char) -> Result<String, Unclosed> {
        let open = if close == ')' { '(' } else { '{' };
        let (mut inside, mut depth) = (String::new(), 0);
        for c in self.rest.by_ref() {
            if c == close && depth == 0 {
                return Ok(inside);
            }
            depth += i32::from(c == open) - i32::from(c == close);
            inside.push(c);
        }
        Err(Unclosed(open))
    }
}

/// What `${inside}` is: a variable, or what stands behind `:-`, `-`, `:=` or `=` where there is none. `None` if it is not known.
fn braced(inside: &str, variables: &Variables) -> Result<Option<String>, Unclosed> {
    let end = inside.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inside.len());
    let (name, operator) = inside.split_at(end);
    let known = variables.get(name);
    let (known, default) = match operator.strip_prefix(':') {
        Some(default) => (known.filter(|value| !value.is_empty()), default),
        None => (known, operator),
    };
    match (known, default.strip_prefix(['-', '='])) {
        (Some(value), Some(_)) => Ok(Some(value.clone())),
        (Some(value), None) if operator.is_empty() => Ok(Some(value.clone())),
        (None, Some(default)) => {
            let mut reader = Reader::new(&format!("{default}\""));
            reader.double_quoted(variables)?;
            Ok(reader.word)
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The commands of a script in which `LWS_GROUP_SIZE` is 4 and `ARGS` several words.
    fn read(script: &str) -> Result<Vec<String>, Unclosed> {
        let known = [("LWS_GROUP_SIZE", "4"), ("ARGS", "--a 1  --b")];
        let mut variables = known.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        commands(script, &mut variables).map(|all| all.iter().map(|words| words.join("|")).collect())
    }

    #[test]
    fn scripts_are_cut_into_commands_and_words() {
        let script = "set -e # all\nexport N=\"${LWS_GROUP_SIZE:-2}\"\nRANK=${LWS_WORKER_INDEX:-0}\n\
                      vllm serve 'a b' \\\n  --nnodes $N --rank ${RANK} --ip $(hostname -I | head -1) 2>&1 | tee /tmp/log && echo \"x\\\"y\"";
        let expected = [
            "set|-e",
            "vllm|serve|a b|--nnodes|4|--rank|0|--ip|$(hostname -I | head -1)",
            "tee|/tmp/log",
            "echo|x\"y",
        ];
        assert_eq!(read(script).unwrap(), expected);
    }

    #[test]
    fn variables_are_several_words_unless_quotes_hold_them_together() {
        assert_eq!(read("x $ARGS \"$ARGS\" ${ARGS}c").unwrap(), ["x|--a|1|--b|--a 1  --b|--a|1|--bc"]);
        assert_eq!(read("B=$ARGS; x \"$B\"").unwrap(), ["x|--a 1  --b"]);
        assert_eq!(read("B='y z'; $B").unwrap(), ["y|z"]);
    }

    #[test]
    fn what_is_not_there_has_a_default() {
        assert_eq!(
            read("x ${N-8} ${N:=9} ${LWS_GROUP_SIZE-8} ${N:-$LWS_GROUP_SIZE}").unwrap(),
            ["x|8|9|4|4"]
        );
        assert_eq!(read("x ${N} ${LWS_GROUP_SIZE%1} $N").unwrap(), ["x|${N}|${LWS_GROUP_SIZE%1}|$N"]);
        assert_eq!(read("x $((LWS_GROUP_SIZE * 2 + 1)) $((4 / N))").unwrap(), ["x|9|$((4 / N))"]);
    }

    #[test]
    fn redirections_and_here_documents_are_no_words() {
        assert_eq!(read("x >log 2>&1 a&>all b <in '>c' 2>&-").unwrap(), ["x|a|b|>c"]);
        assert_eq!(
            read("cat > f <<'EOF'\nvllm serve no\nEOF\ny `date +%s`").unwrap(),
            ["cat", "y|`date +%s`"]
        );
    }

    #[test]
    fn what_is_not_closed_is_an_error() {
        assert_eq!(
            ["x 'a", "x \"a", "x ${a", "x $(a", "x `a"].map(|script| read(script).unwrap_err().0),
            ['\'', '"', '{', '(', '`']
        );
    }
}
