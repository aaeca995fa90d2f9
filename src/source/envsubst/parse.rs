//! Texts with variables, taken apart as `parse/parse.go` of fluxcd/pkg `envsubst` does.

use super::error::EnvsubstError;
use super::scan::{Accept, CLOSE, Mode, Scanner, TEXT, Token};

/// Variables in an argument of a variable, one in the other; Flux has no limit.
const DEEPEST: usize = 100;

/// A part of a text.
#[derive(Debug)]
pub(super) enum Node {
    /// As it stands.
    Text(String),
    Variable(Variable),
}

/// A variable, what is done with it, and the arguments of that.
#[derive(Debug, Default)]
pub(super) struct Variable {
    pub(super) name: String,
    /// `:=`, `^^`, `/#`, ...; empty: nothing.
    pub(super) operator: String,
    pub(super) arguments: Vec<Node>,
}

const ARGUMENT: Mode = Mode { text: true, open: true, close: false, escape: false };
const ESCAPED_ARGUMENT: Mode = Mode { escape: true, ..ARGUMENT };

/// Takes a text apart.
pub(super) fn parse(text: &str) -> Result<Vec<Node>, EnvsubstError> {
    let mut parser = Parser { scanner: Scanner::new(text), depth: 0 };
    let mut nodes = Vec::new();
    loop {
        parser.scanner.escapes_with_backslash = false;
        match parser.scanner.scan(ESCAPED_ARGUMENT, |_, _| true) {
            Token::Text => nodes.push(Node::Text(parser.token())),
            Token::Open => nodes.push(parser.variable()?),
            Token::End => return Ok(nodes),
            Token::Illegal | Token::Close => return Err(EnvsubstError::BadSubstitution),
        }
    }
}

struct Parser<'t> {
    scanner: Scanner<'t>,
    depth: usize,
}

type Parsed<T> = Result<T, EnvsubstError>;

impl Parser<'_> {
    fn token(&mut self) -> String {
        std::mem::take(&mut self.scanner.token)
    }

    /// What follows a `${`.
    fn variable(&mut self) -> Parsed<Node> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(EnvsubstError::TooDeep);
        }
        let parsed = self.variable_parts();
        self.depth -= 1;
        parsed.map(Node::Variable)
    }

    fn variable_parts(&mut self) -> Parsed<Variable> {
        self.scanner.escapes_with_backslash = true;
        if self.scanner.peek() == '#' {
            return self.length();
        }
        let name = self.text(is_name, EnvsubstError::Name)?;
        let variable = Variable { name, ..Variable::default() };
        match self.scanner.peek() {
            ':' => match self.scanner.peek_second() {
                '=' | '-' | '?' | '+' => self.default(variable, is_default),
                // The library steps back by the length of this character, and so before the colon.
                other if other.len_utf8() > 1 => Err(EnvsubstError::BadSubstitution),
                _ => self.substring(variable),
            },
            '=' => self.default(variable, |c, at| at == 1 && c == '='),
            ',' | '^' => {
                let operator = self.operator(|c, at| (c == ',' || c == '^') && at < 3)?;
                self.close(Variable { operator, ..variable })
            }
            '/' => self.replace(variable),
            '#' => self.remove(variable, |c, at| c == '#' && at < 3),
            '%' => self.remove(variable, |c, at| c == '%' && at < 3),
            _ => match self.scanner.scan(CLOSE, is_name) {
                Token::Close => Ok(variable),
                _ => Err(EnvsubstError::MissingBrace),
            },
        }
    }

    fn text(&mut self, accept: Accept, otherwise: EnvsubstError) -> Parsed<String> {
        match self.scanner.scan(TEXT, accept) {
            Token::Text => Ok(self.token()),
            _ => Err(otherwise),
        }
    }

    fn operator(&mut self, accept: Accept) -> Parsed<String> {
        self.text(accept, EnvsubstError::BadSubstitution)
    }

    fn argument(&mut self, accept: Accept, mode: Mode) -> Parsed<Node> {
        match self.scanner.scan(mode, accept) {
            Token::Open => self.variable(),
            Token::Text => Ok(Node::Text(self.token())),
            _ => Err(EnvsubstError::Argument),
        }
    }

    fn close(&mut self, variable: Variable) -> Parsed<Variable> {
        match self.scanner.scan(CLOSE, is_name) {
            Token::Close => Ok(variable),
            _ => Err(EnvsubstError::BadSubstitution),
        }
    }

    /// `${#NAME}`
    fn length(&mut self) -> Parsed<Variable> {
        let operator = self.operator(|c, at| c == '#' && at == 1)?;
        let name = self.operator(is_name)?;
        self.close(Variable { name, operator, arguments: Vec::new() })
    }

    /// `${NAME:=argument}`, of several texts and variables.
    fn default(&mut self, mut variable: Variable, accept: Accept) -> Parsed<Variable> {
        variable.operator = self.text(accept, EnvsubstError::Default)?;
        while self.scanner.peek() != '}' {
            variable.arguments.push(self.argument(is_inside, ARGUMENT)?);
        }
        self.close(variable)
    }

    /// `${NAME:position}`, `${NAME:position:length}`
    fn substring(&mut self, mut variable: Variable) -> Parsed<Variable> {
        variable.operator = self.operator(|c, at| at == 1 && c == ':')?;
        variable.arguments.push(self.argument(|c, _| c != ':' && c != '}', ARGUMENT)?);
        match self.scanner.scan(Mode { text: true, ..CLOSE }, |c, _| c == ':') {
            Token::Close => return Ok(variable),
            Token::Text => {}
            _ => return Err(EnvsubstError::BadSubstitution),
        }
        variable.arguments.push(self.argument(is_inside, ARGUMENT)?);
        self.close(variable)
    }

    /// `${NAME#pattern}`, `${NAME%%pattern}`
    fn remove(&mut self, mut variable: Variable, accept: Accept) -> Parsed<Variable> {
        variable.operator = self.operator(accept)?;
        variable.arguments.push(self.argument(is_inside, ARGUMENT)?);
        self.close(variable)
    }

    /// `${NAME/text/other}`
    fn replace(&mut self, mut variable: Variable) -> Parsed<Variable> {
        let accept = |c: char, at: usize| (at == 1 && c == '/') || (at == 2 && ['/', '#', '%'].contains(&c));
        variable.operator = self.operator(accept)?;
        variable.arguments.push(self.argument(|c, _| c != '/', ESCAPED_ARGUMENT)?);
        let _ = self.operator(|c, _| c == '/')?;
        if self.scanner.peek() != '}' {
            variable.arguments.push(self.argument(is_inside, ESCAPED_ARGUMENT)?);
        }
        self.close(variable)
    }
}

fn is_name(c: char, _: usize) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_inside(c: char, _: usize) -> bool {
    c != '}'
}

fn is_default(c: char, at: usize) -> bool {
    (at == 1 && c == ':') || (at == 2 && ['=', '-', '?', '+'].contains(&c))
}
