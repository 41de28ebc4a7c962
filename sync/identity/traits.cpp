#include "sync/identity/traits.hpp"

#include <algorithm>

namespace lakeferry::identity {

namespace {

const trait* find(const std::vector<trait>& traits, std::string_view name) noexcept
{
    const auto found = std::find_if(traits.begin(), traits.end(), [&](const trait& t) { return t.name == name; });
    return found == traits.end() ? nullptr : &*found;
}

// A trait that is one value under its own name can meet no other in a column.
bool plain(const trait& t) noexcept
{
    return t.cells.empty() || (t.cells.size() == 1 && t.cells.front().column == t.name);
}

bool same_cells(const trait& a, const trait& b) noexcept
{
    return a.cells.size() == b.cells.size() &&
           std::equal(a.cells.begin(), a.cells.end(), b.cells.begin(), [](const auto& x, const auto& y) {
               return x.column == y.column && core::same_value(x.view(), y.view());
           });
}

}  // namespace

std::vector<visible_trait> visible(const std::vector<trait>& traits)
{
    std::vector<visible_trait> all;
    for (const auto& t : traits) {
        for (const auto& c : t.cells) all.push_back({.column = c.column, .cell = &c, .write = &t});
    }
    // Per column the newest write last, and of one write the later value in the document (cells lie in its order).
    std::sort(all.begin(), all.end(), [](const visible_trait& a, const visible_trait& b) {
        if (a.column != b.column) return a.column < b.column;
        if (a.write != b.write) return b.write->newer_than(*a.write);
        return a.cell < b.cell;
    });
    std::vector<visible_trait> shown;
    shown.reserve(all.size());
    for (const auto& v : all) {
        if (!shown.empty() && shown.back().column == v.column)
            shown.back() = v;
        else
            shown.push_back(v);
    }
    return shown;
}

void apply(std::vector<trait>& traits, trait write)
{
    const auto found =
        std::find_if(traits.begin(), traits.end(), [&](const trait& t) { return t.name == write.name; });
    if (found == traits.end())
        traits.push_back(std::move(write));
    else if (write.newer_than(*found))
        *found = std::move(write);
}

trait_changes compare(const std::vector<visible_trait>& before, const std::vector<visible_trait>& after)
{
    trait_changes changes;
    auto old = before.begin();
    for (const auto& now : after) {
        for (; old != before.end() && old->column < now.column; ++old) changes.gone.push_back(old->column);
        if (old != before.end() && old->column == now.column) {
            if (!core::same_value(old->cell->view(), now.cell->view())) changes.set.push_back(now);
            ++old;
        } else {
            changes.set.push_back(now);
        }
    }
    for (; old != before.end(); ++old) changes.gone.push_back(old->column);
    return changes;
}

bool only_times_move(const std::vector<trait>& traits, const std::vector<trait>& writes)
{
    if (!std::all_of(traits.begin(), traits.end(), plain)) return false;
    return std::all_of(writes.begin(), writes.end(), [&](const trait& write) {
        if (!plain(write)) return false;
        const auto* old = find(traits, write.name);
        return old == nullptr ? write.cells.empty() : !write.newer_than(*old) || same_cells(*old, write);
    });
}

}  // namespace lakeferry::identity
