// What CouchDB's functions find around them, and how they are called. Runs once for each design
// document, in a global that no other design document sees; `native` is worker/globals.cpp's.
// What a function throws leaves here as it is: `failure` says what the client is to hear of it.
(function (native, designText) {
    'use strict';

    const design = JSON.parse(designText);

    // Errors

    function refuse(error, reason) {
        throw ['error', error, reason];
    }

    function sourceOf(thrown) {
        return thrown.toSource ? thrown.toSource() : String(thrown);
    }

    // An Error has no enumerable members: JSON would lose what it says. It may come from any of the
    // globals, so that `instanceof` would not know it.
    function readable(value) {
        const isError = typeof value === 'object' && value !== null && 'stack' in value &&
            'name' in value && 'message' in value;
        return isError ? {error: value.name, message: value.message} : value;
    }

    function told(error, reason, fatal) {
        const json = JSON.stringify(reason);
        return [fatal ? 1 : 0, String(error), json === undefined ? 'null' : json];
    }

    function failure(thrown) {
        if (thrown === null || thrown === undefined) {
            return told('TypeError', String(thrown) + ' was thrown');
        }
        if (thrown[0] === 'fatal') return told(thrown[1], thrown[2], true);
        if (thrown[0] === 'error') return told(thrown[1], thrown[2]);
        if (thrown.name === 'InternalError') return told(thrown.name, thrown.message, true);
        if (thrown.error && thrown.reason) return told(thrown.error, thrown.reason);
        if (thrown.name) return told(thrown.name, thrown.message || sourceOf(thrown));
        return told('unnamed_error', sourceOf(thrown));
    }

    // Helpers that functions see

    function log(message) {
        const text = typeof message === 'string' ? message : JSON.stringify(readable(message));
        native.log(String(text));
    }

    function sum(values) {
        let total = 0;
        for (const i in values) total += values[i];
        return total;
    }

    function isArray(value) {
        return Array.isArray(value);
    }

    function toJSON(...args) {
        return JSON.stringify(...args);
    }

    // Content types: provides() and registerType()

    const typesOfKey = Object.create(null);
    const keyOfType = Object.create(null);
    let offers = [];
    let provided = false;
    let contentType = null;

    function registerType(key, ...types) {
        typesOfKey[key] = types;
        for (const type of types) keyOfType[type] = key;
    }

    for (const [key, ...types] of [
        ['all', '*/*'],
        ['text', 'text/plain; charset=utf-8', 'txt'],
        ['html', 'text/html; charset=utf-8'],
        ['xhtml', 'application/xhtml+xml', 'xhtml'],
        ['xml', 'application/xml', 'text/xml', 'application/x-xml'],
        ['js', 'text/javascript', 'application/javascript', 'application/x-javascript'],
        ['css', 'text/css'],
        ['ics', 'text/calendar'],
        ['csv', 'text/csv'],
        ['rss', 'application/rss+xml'],
        ['atom', 'application/atom+xml'],
        ['yaml', 'application/x-yaml', 'text/yaml'],
        ['multipart_form', 'multipart/form-data'],
        ['url_encoded_form', 'application/x-www-form-urlencoded'],
        ['json', 'application/json', 'text/x-json'],
    ]) {
        registerType(key, ...types);
    }

    function provides(key, fun) {
        provided = true;
        offers.push([key, fun]);
    }

    function mediaRange(text) {
        const [full, ...rest] = text.split(';').map((part) => part.trim());
        const parameters = Object.create(null);
        for (const part of rest) {
            const pair = part.split('=');
            if (pair.length === 2) parameters[pair[0].trim()] = pair[1].trim();
        }
        const [type, subtype] = (full === '*' ? '*/*' : full).split('/');
        const quality = parseFloat(parameters.q);
        return {type, subtype, parameters, quality: quality >= 0 && quality <= 1 ? quality : 1};
    }

    function fitness(type, ranges) {
        const wanted = mediaRange(type);
        let best = -1;
        let quality = 0;
        for (const range of ranges) {
            const sameType = range.type === wanted.type;
            const sameSubtype = range.subtype === wanted.subtype;
            if (!sameType && range.type !== '*' && wanted.type !== '*') continue;
            if (!sameSubtype && range.subtype !== '*' && wanted.subtype !== '*') continue;
            let fit = (sameType ? 100 : 0) + (sameSubtype ? 10 : 0);
            for (const name in wanted.parameters) {
                if (name !== 'q' && range.parameters[name] === wanted.parameters[name]) ++fit;
            }
            if (fit > best) {
                best = fit;
                quality = range.quality;
            }
        }
        return [best, quality];
    }

    // CouchDB compares fitness, quality and place as texts, so these do, too.
    function bestType(types, accept) {
        const ranges = accept.split(',').map(mediaRange);
        let best = null;
        for (let i = 0; i < types.length; ++i) {
            const [fit, quality] = fitness(types[i], ranges);
            const rank = [fit, quality, i, types[i]].join();
            if (best === null || rank > best.rank) best = {rank, quality, type: types[i]};
        }
        return best !== null && best.quality > 0 ? best.type : '';
    }

    function offeredKey(request) {
        const accept = request.headers.Accept;
        if (request.query && request.query.format) {
            contentType = typesOfKey[request.query.format][0];
            return request.query.format;
        }
        if (!accept) {
            contentType = typesOfKey[offers[0][0]][0];
            return offers[0][0];
        }
        offers.reverse();
        contentType = bestType(offers.flatMap(([key]) => typesOfKey[key] || []), accept);
        return keyOfType[contentType];
    }

    function runProvides(request) {
        const key = offeredKey(request);
        const offer = key && offers.find(([offered]) => offered === key);
        if (offer) return offer[1].call(design);
        const types = offers.map(([offered]) => typesOfKey[offered].join(', ') || offered);
        refuse('not_acceptable', 'Content-Type ' + (request.headers.Accept || key) +
            ' not supported, try one of: ' + types.join(', '));
    }

    // Answers in pieces: start(), send() and getRow()

    let chunks = [];
    let head = {};
    let newHead = false;   // not told yet
    let headSent = false;  // output was on its way by then: later heads do not count
    let listing = false;
    let rowsAsked = false;
    let rowsEnded = false;
    let kept = 0;          // pieces that were sent before the row at hand

    function reset() {
        offers = [];
        provided = false;
        contentType = null;
        chunks = [];
        head = {};
        newHead = false;
        headSent = false;
        rowsAsked = false;
        rowsEnded = false;
        kept = 0;
    }

    function start(response) {
        if (headSent) return;
        head = response || {};
        newHead = true;
    }

    function send(chunk) {
        chunks.push(chunk.toString());
    }

    function withContentType(response) {
        response.headers = response.headers || {};
        if (contentType) {
            response.headers['Content-Type'] = response.headers['Content-Type'] || contentType;
        }
        return response;
    }

    function takeChunks() {
        const text = chunks.join('');
        chunks = [];
        return text;
    }

    function takeHead() {
        if (rowsAsked && !newHead) return null;
        newHead = false;
        if (rowsAsked) return JSON.stringify(head);
        rowsAsked = true;
        return JSON.stringify(withContentType(head));
    }

    function getRow() {
        if (!listing || rowsEnded) return null;
        headSent = headSent || chunks.length > 0;
        const row = native.nextRow(takeHead, takeChunks);
        kept = chunks.length;
        if (row === null) rowsEnded = true;
        return row === null ? null : JSON.parse(row);
    }

    // After a failure: what was sent before the row at hand goes out all the same. The rows that
    // come for it are not looked at.
    function sendKept() {
        if (!rowsAsked || rowsEnded) return;
        chunks.length = kept;
        while (chunks.length > 0) native.nextRow(takeHead, takeChunks);
    }

    // Functions and modules

    const shared = {sum, log, isArray, toJSON, JSON, provides, registerType, start, send, getRow};
    for (const name in shared) native.freeze(shared[name]);

    function newSandbox() {
        const sandbox = native.newSandbox();
        for (const name in shared) sandbox[name] = shared[name];
        return sandbox;
    }

    function noPath(why) {
        refuse('invalid_require_path', why);
    }

    // The module that `path` leads to, from `module` on.
    function resolve(path, module, root) {
        let at = module;
        path.forEach((name, i) => {
            if (name === '..') {
                if (!(at && at.parent && at.parent.parent)) {
                    noPath('Object has no parent ' + JSON.stringify(at && at.current));
                }
                const id = at.id.slice(0, at.id.lastIndexOf('/'));
                at = {id, parent: at.parent.parent, current: at.parent.current};
            } else if (name === '.') {
                if (!(at && at.parent)) {
                    noPath('Object has no parent ' + JSON.stringify(at && at.current));
                }
            } else {
                if (i === 0) at = {current: root};
                const next = at.current === null ? undefined : at.current[name];
                if (next === undefined) {
                    noPath('Object has no property "' + name + '". ' + JSON.stringify(at.current));
                }
                at = {id: at.id ? at.id + '/' + name : name, parent: at, current: next};
            }
        });
        if (typeof at.current !== 'string') {
            noPath('Must require a JavaScript string, not: ' + typeof at.current);
        }
        return {id: at.id, parent: at.parent, current: at.current, exports: {}};
    }

    // `root` is what require() finds modules in; those in `loaded` have run.
    function requireFrom(root, loaded, sandbox) {
        function require(name, from) {
            const module = resolve(name.split('/'), from && from.parent, root);
            if (!(module.id in loaded)) {
                loaded[module.id] = {};  // What a module sees that is required in a circle.
                try {
                    const run = native.evaluate(
                        '(function (module, exports, require) { ' + module.current + '\n });',
                        sandbox, module.id);
                    run.call(sandbox, module, module.exports, (other) => require(other, module));
                } catch (thrown) {
                    refuse('compilation_error', "Module require('" + name + "') raised error " +
                        sourceOf(thrown));
                }
                loaded[module.id] = module.exports;
            }
            return loaded[module.id];
        }
        return require;
    }

    function compile(source, name, root, loaded) {
        if (!source) refuse('not_found', 'missing function');
        const sandbox = newSandbox();
        if (root) {
            const require = requireFrom(root, loaded, sandbox);
            sandbox.require = (path, from) => require(path, from);
        }
        let fun;
        try {
            fun = native.compile(source, sandbox, name);
        } catch (thrown) {
            refuse('compilation_error', sourceOf(thrown) + ' (' + source + ')');
        }
        if (typeof fun !== 'function') {
            refuse('compilation_error', 'Expression does not eval to a function. (' + source + ')');
        }
        return fun;
    }

    function compileMap(source) {
        const lib = design.views && design.views.lib ? design.views.lib : null;
        return compile(source, 'map', {views: {lib}}, Object.create(null));
    }

    function compileReduce(source) {
        return compile(source, 'reduce');
    }

    const modules = Object.create(null);
    const compiled = Object.create(null);

    function designFunction(...path) {
        const name = path.join('.');
        if (name in compiled) return compiled[name];
        let at = design;
        for (const key of path) at = at === null || at === undefined ? undefined : at[key];
        if (!at) {
            refuse('not_found', 'missing ' + path[0] + ' function ' + path[path.length - 1] +
                ' on design doc ' + design._id);
        }
        return compiled[name] = compile(at, name, design, modules);
    }

    // Calls

    // A map function threw: the document is dropped, or with the worst errors the whole index.
    function mapFailed(thrown, document) {
        if (thrown === 'fatal_error') {
            refuse('map_runtime_error', "function raised 'fatal_error'");
        }
        const known = thrown !== null && thrown !== undefined;
        if (known && thrown[0] === 'fatal') throw thrown;
        if (known && thrown.name === 'InternalError') throw ['fatal', thrown.name, thrown.message];
        const what = known ? sourceOf(thrown) : String(thrown);
        log('function raised exception ' + what +
            (document === undefined ? '' : ' with doc._id ' + document._id));
    }

    function reduce(functions, keysText, valuesText) {
        const keys = JSON.parse(keysText);
        const values = JSON.parse(valuesText);
        return functions.map((fun) => {
            try {
                return JSON.stringify([fun(keys, values, keys === null)]).slice(1, -1);
            } catch (thrown) {
                mapFailed(thrown);
                return 'null';
            }
        });
    }

    // What it threw, as JSON; undefined where the edit may be written.
    function validate(newText, oldText, user, security) {
        const fun = designFunction('validate_doc_update');
        try {
            fun.call(design, JSON.parse(newText), JSON.parse(oldText), JSON.parse(user),
                JSON.parse(security));
        } catch (thrown) {
            if (thrown === null || thrown === undefined || (thrown.name && thrown.stack) ||
                thrown[0] === 'error' || thrown[0] === 'fatal') {
                throw thrown;
            }
            return JSON.stringify(thrown);
        }
    }

    function filter(name, requestText) {
        const fun = designFunction('filters', name);
        const request = JSON.parse(requestText);
        return (document) => Boolean(fun.call(design, document, request));
    }

    function filterView(name) {
        return designFunction('views', name, 'map');
    }

    function asResponse(value) {
        return typeof value === 'string' ? {body: value} : value;
    }

    function responseText(value, what) {
        const response = asResponse(value);
        if (typeof response !== 'object' || response === null || response instanceof Array) {
            refuse('render_error', 'undefined response from ' + what + ' function');
        }
        return JSON.stringify(response);
    }

    function renderFailed(thrown, error) {
        const known = thrown !== null && thrown !== undefined;
        if (known && ((thrown.error && thrown.reason) || thrown[0] === 'error' ||
            thrown[0] === 'fatal')) {
            throw thrown;
        }
        const what = known ? sourceOf(thrown) : String(thrown);
        const message = 'function raised error: ' + what + ' \nstacktrace: ' +
            (known ? thrown.stack : undefined);
        log(message);
        refuse(error || 'render_error', message);
    }

    function finishShow(value, request) {
        let response = asResponse(value || {});
        if (chunks.length > 0) {
            response.headers = Object.assign(response.headers || {}, head);
            response.body = takeChunks() + (response.body || '');
        }
        if (provided) {
            const more = asResponse(runProvides(request) || {});
            response.body = (response.body || '') + takeChunks() + (more.body || '');
            response = withContentType(response);
        }
        return responseText(response, 'show');
    }

    function show(name, documentText, requestText) {
        const fun = designFunction('shows', name);
        const document = JSON.parse(documentText);
        const request = JSON.parse(requestText);
        reset();
        try {
            return finishShow(fun.call(design, document, request), request);
        } catch (thrown) {
            if (document === null && request.path && request.path.length > 5) {
                refuse('not_found', 'document not found');
            }
            renderFailed(thrown);
        }
    }

    function update(name, documentText, requestText) {
        const fun = designFunction('updates', name);
        const request = JSON.parse(requestText);
        reset();
        try {
            if (request.method === 'GET') {
                refuse('method_not_allowed', 'Update functions do not allow GET');
            }
            const [document, response] = fun.call(design, JSON.parse(documentText), request);
            const text = JSON.stringify(document);
            return [text === undefined ? 'null' : text, responseText(response, 'update')];
        } catch (thrown) {
            renderFailed(thrown);
        }
    }

    function rewrite(requestText) {
        const fun = designFunction('rewrites');
        const request = JSON.parse(requestText);
        let result;
        try {
            result = fun.call(design, request);
        } catch (thrown) {
            renderFailed(thrown, 'rewrite_error');
        }
        if (!result) return undefined;
        if (typeof result === 'string') result = {path: result, method: request.method};
        const text = JSON.stringify(result);
        return text === undefined ? 'null' : text;
    }

    // The last piece: head, if it was not told yet, and output.
    function list(name, headText, requestText) {
        const fun = designFunction('lists', name);
        const request = JSON.parse(requestText);
        reset();
        listing = true;
        try {
            let tail = fun.call(design, JSON.parse(headText), request);
            if (provided) tail = runProvides(request);
            if (!rowsAsked) getRow();
            if (tail !== undefined) chunks.push(tail);
            return [takeHead(), takeChunks()];
        } catch (thrown) {
            sendKept();
            renderFailed(thrown);
        } finally {
            listing = false;
        }
    }

    return {
        failure, readable, compileMap, compileReduce, mapFailed, reduce, validate, filter,
        filterView, show, update, rewrite, list,
    };
})
