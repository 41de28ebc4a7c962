#include "sync/core/row_names.hpp"

#include "sync/core/names.hpp"

namespace lakeferry::core {

namespace {

struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
};

}  // namespace

// A column name, and where it was last used: that is how two values of one column on one call are noticed.
struct name_cache::column_entry {
    std::string name{};
    std::uint64_t turn = 0;
    std::size_t index = 0;
};

// One key of a path.
struct name_cache::node {
    std::string joined{};  // path so far, each key as a name, joined
    column_entry* column = nullptr;
    std::unordered_map<std::string, std::unique_ptr<node>, text_hash, std::equal_to<>> children{};
};

struct name_cache::walk {
    std::string& text;
    flat_values& to;
    bool context = false;
    bool all = false;
    std::uint32_t root = 0;
    std::size_t first = 0;  // where this object's values begin
};

name_cache::name_cache(std::size_t nodes_max)
    : nodes_max_(nodes_max), plain_(std::make_unique<node>()), context_(std::make_unique<node>())
{
    context_->joined = "context";
}

name_cache::~name_cache() = default;

name_cache::node* name_cache::child(node& of, std::string_view key)
{
    if (const auto found = of.children.find(key); found != of.children.end()) return found->second.get();
    if (nodes_ >= nodes_max_) return nullptr;
    ++nodes_;
    auto made = std::make_unique<node>();
    made->joined = of.joined;
    append_segment(made->joined, key);
    node* at = made.get();
    of.children.emplace(std::string(key), std::move(made));
    return at;
}

name_cache::column_entry* name_cache::entry_of(std::string name)
{
    if (const auto found = columns_.find(name); found != columns_.end()) return found->second.get();
    auto made = std::make_unique<column_entry>();
    made->name = std::move(name);
    column_entry* at = made.get();
    columns_.emplace(at->name, std::move(made));  // the key lives in the entry
    return at;
}

void name_cache::visit(walk& w, node* at, const std::string& joined, std::string_view key,
                       const boost::json::value& value)
{
    if (value.is_null()) return;
    node* here = at != nullptr ? child(*at, key) : nullptr;
    std::string own;
    if (here == nullptr) {
        own = at != nullptr ? at->joined : joined;
        append_segment(own, key);
    }
    if (const auto* object = value.if_object()) {
        for (const auto& member : *object)
            visit(w, here, own, {member.key().data(), member.key().size()}, member.value());
        return;
    }
    flat_value flat{.root = w.root};
    const auto finish = [&](std::string name) {
        return w.context ? finish_context_column_name(std::move(name)) : finish_column_name(std::move(name));
    };
    if (here != nullptr) {
        if (here->column == nullptr) {
            here->column = entry_of(finish(here->joined));
        }
        flat.column = here->column->name;
    } else {
        flat.column = w.to.keep(finish(std::move(own)));
    }
    flat.range = append_cell(w.text, value);
    if (w.all) {
        w.to.values.push_back(flat);
        return;
    }
    if (here != nullptr && nodes_ < nodes_max_) {
        if (here->column->turn == turn_) {
            w.to.values[here->column->index] = flat;
            return;
        }
        here->column->turn = turn_;
        here->column->index = w.to.values.size();
        w.to.values.push_back(flat);
        return;
    }
    // The cache is full: names of both kinds may meet, so look at all.
    for (std::size_t i = w.first; i < w.to.values.size(); ++i) {
        if (w.to.values[i].column != flat.column) continue;
        w.to.values[i] = flat;
        return;
    }
    w.to.values.push_back(flat);
}

std::string_view name_cache::name_of(std::string_view key, flat_values& to)
{
    node* here = child(*plain_, key);
    if (here == nullptr) return to.keep(column_name(key));
    if (here->column == nullptr) here->column = entry_of(finish_column_name(here->joined));
    return here->column->name;
}

void name_cache::flatten(const boost::json::object& from, std::string& text, flat_values& to)
{
    ++turn_;
    walk w{.text = text, .to = to, .first = to.values.size()};
    for (const auto& member : from) {
        visit(w, plain_.get(), {}, {member.key().data(), member.key().size()}, member.value());
        ++w.root;
    }
}

void name_cache::flatten_all(const boost::json::object& from, std::string& text, flat_values& to)
{
    ++turn_;
    walk w{.text = text, .to = to, .all = true};
    for (const auto& member : from) {
        visit(w, plain_.get(), {}, {member.key().data(), member.key().size()}, member.value());
        ++w.root;
    }
}

void name_cache::flatten_context(const merged_object& from, std::string& text, flat_values& to)
{
    ++turn_;
    walk w{.text = text, .to = to, .context = true, .first = to.values.size()};
    from.for_each([&](std::string_view key, const boost::json::value& value) {
        visit(w, context_.get(), {}, key, value);
        ++w.root;
    });
}

}  // namespace lakeferry::core
