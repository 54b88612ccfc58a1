import java.io.*;
import java.lang.reflect.*;
import java.nio.charset.StandardCharsets;
import java.util.*;
import org.apache.flume.conf.*;
import org.apache.flume.conf.sink.*;
import org.apache.flume.conf.source.*;
import org.apache.flume.node.AbstractConfigurationProvider;
import org.apache.flume.node.MaterializedConfiguration;

/**
 * Reads configuration files on standard input, each after its length in four bytes, and prints a line of JSON for each:
 * what Flume 1.11's own classes make of it. With the argument "build", components are built and configured, too; nothing
 * is ever started.
 */
public class Oracle {
  static StringBuilder out;
  static boolean build;
  public static void main(String[] args) throws Exception {
    build = args.length > 0 && args[0].equals("build");
    DataInputStream in = new DataInputStream(new BufferedInputStream(System.in));
    PrintStream real = System.out;
    System.setOut(System.err);
    PrintStream stdout = new PrintStream(new FileOutputStream(FileDescriptor.out), false, "UTF-8");
    Class<?> resolver = Class.forName("org.apache.flume.node.MapResolver");
    Method resolve = resolver.getDeclaredMethod("resolveProperties", Properties.class);
    resolve.setAccessible(true);
    while (true) {
      int n;
      try { n = in.readInt(); } catch (EOFException e) { break; }
      byte[] data = new byte[n];
      in.readFully(data);
      out = new StringBuilder();
      one(data, resolve);
      stdout.println(out);
      stdout.flush();
    }
  }
  static void one(byte[] data, Method resolve) {
    out.append("{");
    String stage = "load";
    try {
      Properties p = new Properties();
      p.load(new ByteArrayInputStream(data));
      Map<String, String> raw = new TreeMap<>();
      for (String k : p.stringPropertyNames()) raw.put(k, p.getProperty(k));
      out.append("\"raw\":"); map(raw);
      if (p.isEmpty()) { out.append(",\"fatal\":\"empty\"}"); return; }
      stage = "resolve";
      Map<String, String> m;
      try { @SuppressWarnings("unchecked") Map<String, String> x = (Map<String, String>) resolve.invoke(null, p); m = x; }
      catch (InvocationTargetException e) { throw e.getCause(); }
      out.append(",\"properties\":"); map(m);
      stage = "validate";
      FlumeConfiguration c = new FlumeConfiguration(m);
      out.append(",\"agents\":{");
      Set<String> agents = new TreeSet<>();
      for (Map.Entry<String, String> e : m.entrySet()) {
        String k = e.getKey().trim();
        int i = k.indexOf('.');
        if (i > 0 && i + 1 < k.length() && !e.getValue().trim().isEmpty()) agents.add(k.substring(0, i));
      }
      boolean first = true;
      for (String a : agents) {
        if (!first) out.append(",");
        first = false;
        str(a); out.append(":");
        agent(c.getConfigurationFor(a));
      }
      out.append("}");
      if (build) {
        out.append(",\"built\":{");
        first = true;
        for (String a : agents) {
          if (!first) out.append(",");
          first = false;
          str(a); out.append(":");
          built(a, m);
        }
        out.append("}");
      }
      out.append("}");
    } catch (Throwable t) {
      String s = t.getClass().getSimpleName() + ": " + t.getMessage();
      // Agents are only written after everything succeeded, so no object is half written here.
      if (out.charAt(out.length() - 1) != '{') out.append(",");
      out.append("\"stage\":"); str(stage); out.append(",\"fatal\":"); str(s); out.append("}");
    }
  }
  /** Names of what the provider builds, or null when it throws. */
  static void built(String agent, Map<String, String> m) {
    MaterializedConfiguration got;
    try {
      got = new AbstractConfigurationProvider(agent) {
        @Override protected FlumeConfiguration getFlumeConfiguration() { return new FlumeConfiguration(m); }
      }.getConfiguration();
    } catch (Throwable t) {
      out.append("null");
      return;
    }
    out.append("{\"sources\":"); list(new TreeSet<>(got.getSourceRunners().keySet()));
    out.append(",\"channels\":"); list(new TreeSet<>(got.getChannels().keySet()));
    out.append(",\"runners\":"); list(new TreeSet<>(got.getSinkRunners().keySet()));
    out.append("}");
  }
  static void agent(FlumeConfiguration.AgentConfiguration a) {
    if (a == null) { out.append("null"); return; }
    out.append("{\"sources\":{");
    boolean f = true;
    for (String s : a.getSourceSet()) {
      if (!f) out.append(","); f = false;
      str(s); out.append(":{\"type\":");
      ComponentConfiguration cc = a.getSourceConfigMap().get(s);
      if (cc != null) {
        str(cc.getType()); out.append(",\"channels\":");
        Set<String> used = new HashSet<>();
        used.addAll(((SourceConfiguration) cc).getChannels());
        used.retainAll(a.getChannelSet());
        list(used);
      } else {
        org.apache.flume.Context x = a.getSourceContext().get(s);
        str(x.getString("type")); out.append(",\"channels\":");
        list(Arrays.asList(x.getString("channels").split("\\s+")));
      }
      out.append("}");
    }
    out.append("},\"channels\":{"); f = true;
    for (String s : a.getChannelSet()) {
      if (!f) out.append(","); f = false;
      str(s); out.append(":{\"type\":");
      ComponentConfiguration cc = a.getChannelConfigMap().get(s);
      str(cc != null ? cc.getType() : a.getChannelContext().get(s).getString("type"));
      out.append("}");
    }
    out.append("},\"sinks\":{"); f = true;
    for (String s : a.getSinkSet()) {
      if (!f) out.append(","); f = false;
      str(s); out.append(":{\"type\":");
      ComponentConfiguration cc = a.getSinkConfigMap().get(s);
      str(cc != null ? cc.getType() : a.getSinkContext().get(s).getString("type"));
      out.append(",\"channel\":");
      str(cc != null ? ((SinkConfiguration) cc).getChannel() : a.getSinkContext().get(s).getString("channel"));
      out.append("}");
    }
    out.append("},\"sinkgroups\":{"); f = true;
    for (String s : a.getSinkgroupSet()) {
      if (!f) out.append(","); f = false;
      SinkGroupConfiguration g = (SinkGroupConfiguration) a.getSinkGroupConfigMap().get(s);
      str(s); out.append(":{\"sinks\":"); list(g.getSinks());
      out.append(",\"processor\":"); str(g.getProcessorContext().getString("type"));
      out.append("}");
    }
    out.append("}}");
  }
  static void list(Collection<String> l) {
    out.append("["); boolean f = true;
    for (String s : l) { if (!f) out.append(","); f = false; str(s); }
    out.append("]");
  }
  static void map(Map<String, String> m) {
    out.append("{"); boolean f = true;
    for (Map.Entry<String, String> e : m.entrySet()) {
      if (!f) out.append(","); f = false;
      str(e.getKey()); out.append(":"); str(e.getValue());
    }
    out.append("}");
  }
  static void str(String s) {
    if (s == null) { out.append("null"); return; }
    out.append('"');
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      if (c == '"' || c == '\\') out.append('\\').append(c);
      else if (c < 0x20 || c > 0x7e) {
        // lone surrogates become U+FFFD, as in ours
        boolean high = Character.isHighSurrogate(c), low = Character.isLowSurrogate(c);
        boolean paired = high && i + 1 < s.length() && Character.isLowSurrogate(s.charAt(i + 1))
            || low && i > 0 && Character.isHighSurrogate(s.charAt(i - 1));
        if ((high || low) && !paired) c = 0xfffd;
        out.append(String.format("\\u%04x", (int) c));
      } else out.append(c);
    }
    out.append('"');
  }
}
