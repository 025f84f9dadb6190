//! Tables (specification, section 14.2).

use super::{Kind, Parsed, Parser};
use crate::syntax::ast::{
    ActionRef, Annotations, Entry, KeyElement, Property, PropertyValue, Table,
};

impl Parser<'_> {
    pub(super) fn table(&mut self, annotations: Annotations) -> Parsed<Table> {
        self.expect("table")?;
        let name = self.name("the name of a table")?;
        self.declare(&name, false);
        self.expect("{")?;
        let mut properties = Vec::new();
        while !self.accept("}") {
            properties.push(self.property()?);
        }
        Ok(Table {
            annotations,
            name,
            properties,
        })
    }

    fn property(&mut self) -> Parsed<Property> {
        let annotations = self.annotations()?;
        let constant = self.accept("const");
        let name = self.name("a property of the table")?;
        self.expect("=")?;
        let value = match &*name.name {
            "key" => PropertyValue::Key(self.braced(Self::key_element)?),
            "actions" => PropertyValue::Actions(self.braced(|p| {
                let annotations = p.annotations()?;
                let action = p.action_ref(annotations)?;
                p.expect(";")?;
                Ok(action)
            })?),
            "entries" => PropertyValue::Entries(self.braced(Self::entry)?),
            _ => {
                let value = self.expression()?;
                self.expect(";")?;
                PropertyValue::Expr(value)
            }
        };
        Ok(Property {
            annotations,
            constant,
            name,
            value,
        })
    }

    /// `{ item item }`
    fn braced<T>(&mut self, mut item: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        self.expect("{")?;
        let mut items = Vec::new();
        while !self.accept("}") {
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn key_element(&mut self) -> Parsed<KeyElement> {
        let expr = self.expression()?;
        self.expect(":")?;
        let match_kind = self.name("a match kind")?;
        let annotations = self.annotations()?;
        self.expect(";")?;
        Ok(KeyElement {
            expr,
            match_kind,
            annotations,
        })
    }

    fn action_ref(&mut self, annotations: Annotations) -> Parsed<ActionRef> {
        let start = self.span();
        let path = self.path("the name of an action")?;
        let args = if self.accept("(") {
            Some(self.arguments()?)
        } else {
            None
        };
        Ok(ActionRef {
            annotations,
            path,
            args,
            span: self.span_from(start),
        })
    }

    fn entry(&mut self) -> Parsed<Entry> {
        let start = self.span();
        let constant = self.accept("const");
        let mut priority = None;
        if self.at("priority") && self.at_ahead(1, "=") {
            self.advance();
            self.advance();
            priority = Some(if self.token().kind == Kind::Integer || self.at("(") {
                self.expression()?
            } else {
                return Err(self.expected("an integer or an expression in parentheses"));
            });
            self.expect(":")?;
        }
        let keys = self.key_set()?;
        self.expect(":")?;
        let action = self.action_ref(Vec::new())?;
        let annotations = self.annotations()?;
        let span = self.span_from(start);
        self.expect(";")?;
        Ok(Entry {
            constant,
            priority,
            keys,
            action,
            annotations,
            span,
        })
    }
}
