//! Looking into a machine: its heap as a graph, where its objects were allocated, and the names that its program knows.
//!
//! The collector knows Rust types: all instances are one type there, `lox::class::Instance`, and the globals are a vector without names. What a
//! program calls them only the machine knows. An instance leads to its class, and a class has an identity that the graph knows, too
//! ([`Gc::id`]): so instances are counted by class without a look at their contents.

use std::collections::HashMap;

use gc_core::{
    Gc, Mutator,
    observe::{Graph, GraphError, Node},
};

use super::{LineCount, Lox, lines::Lines};
use crate::value::Value;

/// The instances of one class.
#[derive(Debug, PartialEq, Eq)]
pub struct Instances {
    /// The name of the class; `None` for all classes together that no global variable holds.
    pub class: Option<String>,
    /// How many there are.
    pub count: usize,
    /// The path from the root to the nearest of them: why it is alive.
    pub path: String,
}

impl Lox {
    /// Returns the machine's mutator, to look into its heap: what [`gc_core::observe`] offers takes one.
    ///
    /// ```
    /// use gc_core::{Heap, observe::Graph};
    ///
    /// let heap = Heap::builder().build()?;
    /// let mut lox = lox::Lox::new(&heap)?;
    /// lox.interpret("class A {} var a = A();", &mut Vec::new(), &mut Vec::new()).unwrap();
    /// let graph = Graph::take(lox.mutator())?;
    /// assert_eq!(graph.instances("Instance").count(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn mutator(&mut self) -> &mut Mutator {
        &mut self.mutator
    }

    /// Takes a picture of the heap, and counts the instances in it by the classes of the program, the most first. Costs what [`Graph::take`]
    /// costs, and a search for each class.
    ///
    /// # Errors
    ///
    /// Those of [`Graph::take`].
    ///
    /// ```
    /// let heap = gc_core::Heap::builder().build()?;
    /// let mut lox = lox::Lox::new(&heap)?;
    /// lox.interpret("class A {} var a = A(); a.b = A();", &mut Vec::new(), &mut Vec::new()).unwrap();
    /// let (_, instances) = lox.instances()?;
    /// assert_eq!((instances[0].class.as_deref(), instances[0].count), (Some("A"), 2));
    /// assert!(instances[0].path.starts_with("root of Vm"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn instances(&mut self) -> Result<(Graph, Vec<Instances>), GraphError> {
        let names = self.class_names();
        let graph = Graph::take(&mut self.mutator)?;
        let class_of = |instance| {
            let class = graph.edges(instance).find(|edge| edge.label.field() == Some("class"));
            class.and_then(|edge| names.get(&graph.id(edge.to)))
        };
        let mut classes: HashMap<Option<&String>, (usize, Node)> = HashMap::new();
        for instance in graph.instances("Instance") {
            classes.entry(class_of(instance)).or_insert((0, instance)).0 += 1;
        }
        let mut found = Vec::new();
        for (class, (count, one)) in classes {
            let type_name = graph.type_name(one);
            let path = graph.path_to_any(|node| graph.type_name(node) == type_name && class_of(node) == class);
            let path = path.map_or_else(String::new, |path| path.to_string());
            found.push(Instances { class: class.cloned(), count, path });
        }
        found.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.class.cmp(&b.class)));
        Ok((graph, found))
    }

    /// Begins to track which lines of programs make instances: what was made before is not known. A call of a class takes some hundred
    /// nanoseconds more then.
    pub fn track_lines(&mut self) {
        self.vm.get_mut(&self.mutator).lines.get_or_insert_with(Lines::new);
    }

    /// Ends the tracking of lines, so that its weak references are in no graph that is taken later. Returns the lines that made instances
    /// since [`track_lines`](Self::track_lines), those with the most live ones first. What no collection has found dead yet is alive.
    ///
    /// ```
    /// let heap = gc_core::Heap::builder().build()?;
    /// let mut lox = lox::Lox::new(&heap)?;
    /// lox.track_lines();
    /// lox.interpret("class A {}\nvar a = A();\nA();", &mut Vec::new(), &mut Vec::new()).unwrap();
    /// lox.collect();
    /// let counts = lox.end_lines().into_iter().map(|count| (count.line, count.live, count.made));
    /// assert_eq!(counts.collect::<Vec<_>>(), [(2, 1, 1), (3, 0, 1)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn end_lines(&mut self) -> Vec<LineCount> {
        let vm = self.vm.get_mut(&self.mutator);
        vm.lines.take().map_or_else(Vec::new, |lines| lines.counts(&self.mutator))
    }

    /// Returns the names of the classes in global variables, by their identity.
    fn class_names(&mut self) -> HashMap<u64, String> {
        let vm = self.vm.get_mut(&self.mutator);
        let named = vm.globals.iter().filter_map(|global| match *global {
            Value::Class(class) => Some((Gc::id(class, &self.mutator), vm.names.text(class.name).to_owned())),
            _ => None,
        });
        named.collect()
    }

    /// Returns the global variables of the program, each with its number, by which paths name it: `globals[7]`.
    pub fn globals(&mut self) -> Vec<(usize, String)> {
        let vm = self.vm.get_mut(&self.mutator);
        let defined = vm.globals.iter().enumerate();
        let own = defined.filter(|(_, global)| !matches!(global, Value::Absent | Value::Native(_)));
        own.map(|(index, _)| (index, vm.names.at(index).to_owned())).collect()
    }
}
