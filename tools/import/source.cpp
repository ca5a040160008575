#include "tools/import/source.h"

namespace divan::import {

// By reading all of them: good where that is quick.
void SourceDatabase::documents_of(const std::set<std::string>& ids,
                                  const std::function<void(Document)>& visit,
                                  const TellFailure& failed) {
    const auto visit_wanted = [&](Document document) {
        if (!ids.contains(document.id)) return;
        document.sequence = 0;
        visit(std::move(document));
    };
    for (std::size_t part = 0; part < parts(); ++part) documents(part, {}, visit_wanted, failed);
}

}  // namespace divan::import
