//! Tables of HTML. A row whose cells are short is one line, `a | b`, whatever blocks stand in them:
//! editors put a paragraph into every cell. Any other row is a layout, as in mails, and its cells are
//! blocks one after the other.

use super::Text;
use super::writer::Writer;

/// Tables inside tables that are followed; the text of a cell is copied once for each.
const MAX_DEPTH: usize = 8;

/// Characters of a cell that stands on a line with others.
const MAX_CELL_CHARS: usize = 300;

/// The tables that are open.
#[derive(Debug, Default)]
pub(super) struct Tables {
    open: Vec<Table>,
    /// Open tables inside the last one that is followed.
    n_deeper: usize,
}

/// A table: the row that is open.
#[derive(Debug, Default)]
struct Table {
    cells: Vec<Text>,
    /// What surrounds the cell that is open.
    outside: Option<Writer>,
}

impl Tables {
    pub(super) fn open_table(&mut self, writer: &mut Writer) {
        writer.paragraph();
        if self.open.len() < MAX_DEPTH {
            self.open.push(Table::default());
        } else {
            self.n_deeper += 1;
        }
    }

    pub(super) fn close_table(&mut self, writer: &mut Writer) {
        if self.n_deeper > 0 {
            self.n_deeper -= 1;
        } else if let Some(mut table) = self.open.pop() {
            table.close_row(writer);
        }
        writer.paragraph();
    }

    /// Begins a row, and ends the one before it: its end may be left out.
    pub(super) fn row(&mut self, writer: &mut Writer) {
        match self.followed() {
            Some(table) => table.close_row(writer),
            None => writer.line(),
        }
    }

    pub(super) fn open_cell(&mut self, writer: &mut Writer) {
        if let Some(table) = self.followed() {
            table.close_cell(writer);
            table.outside = Some(std::mem::take(writer));
        } else {
            writer.cell();
        }
    }

    pub(super) fn close_cell(&mut self, writer: &mut Writer) {
        if let Some(table) = self.followed() {
            table.close_cell(writer);
        }
    }

    /// Ends what the page leaves open.
    pub(super) fn close_all(&mut self, writer: &mut Writer) {
        self.n_deeper = 0;
        while let Some(mut table) = self.open.pop() {
            table.close_row(writer);
        }
    }

    /// The table whose cells are followed, unless it is one too deep, or there is none.
    fn followed(&mut self) -> Option<&mut Table> {
        self.open.last_mut().filter(|_| self.n_deeper == 0)
    }
}

impl Table {
    fn close_cell(&mut self, writer: &mut Writer) {
        if let Some(outside) = self.outside.take() {
            let cell = std::mem::replace(writer, outside);
            self.cells.push(cell.finish());
        }
    }

    fn close_row(&mut self, writer: &mut Writer) {
        self.close_cell(writer);
        let mut cells = std::mem::take(&mut self.cells);
        for cell in &mut cells {
            for name in std::mem::take(&mut cell.dropped) {
                writer.drop(name);
            }
        }
        if cells.iter().all(|cell| cell.text.is_empty()) {
            return;
        }
        let lines: Vec<String> = cells.iter().map(|cell| on_a_line(&cell.text)).collect();
        let is_short = |line: &String| line.chars().count() <= MAX_CELL_CHARS;
        writer.line();
        if lines.len() > 1 && lines.iter().all(is_short) {
            writer.text(&lines.join(" | "));
        } else {
            for cell in &cells {
                writer.block(&cell.text);
            }
        }
        writer.line();
    }
}

fn on_a_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
