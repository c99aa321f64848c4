/** What Choromanski et al. 2021 say: random features estimate the softmax. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const performer: PaperNotes = {
  variant: 'performer',
  title: 'Performer',
  idea: tex`Describe each query and key by $m$ random features whose products are, on average, the weights of softmax attention, and never write the weights down.`,
  symbols: [
    { tex: 'L', option: null, means: 'tokens in the sequence' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
    { tex: 'm', option: 'numRandomFeatures', means: tex`random vectors $\omega$: the budget` },
    {
      tex: 'r',
      option: null,
      means: 'features of a query or key: $m$, or $2m$ for kernels with two functions; the paper also writes $M$',
    },
    {
      tex: tex`\mathrm{K}`,
      option: 'kernel',
      means:
        'the kernel that is estimated, which says how a weight comes from a query and a key; and by which features',
    },
    {
      tex: tex`\omega_1, \dots, \omega_m`,
      option: 'projection',
      means:
        'the random vectors; the option says whether they are independent, orthogonal, or orthogonal and of one length',
    },
    {
      tex: tex`\epsilon`,
      option: 'epsilon',
      means: 'what is added to the features of the relu kernel, so that none is 0; the others do without',
    },
  ],
  equations: [
    {
      label: 'eq. 1',
      tex: tex`\mathrm{Att}_{\leftrightarrow}(\mathbf{Q}, \mathbf{K}, \mathbf{V}) = \mathbf{D}^{-1} \mathbf{A} \mathbf{V}, \qquad \mathbf{A} = \exp\left(\mathbf{Q}\mathbf{K}^\top / \sqrt{d}\right), \qquad \mathbf{D} = \operatorname{diag}(\mathbf{A} \mathbf{1}_L)`,
      says: tex`Softmax attention, written with its division apart: $\mathbf{D}$ holds the sums of the rows of $\mathbf{A}$. The matrix $\mathbf{A}$ has $L^2$ entries.`,
    },
    {
      label: '§2.2',
      tex: tex`\mathbf{A}(i, j) = \mathrm{K}(\mathbf{q}_i^\top, \mathbf{k}_j^\top)`,
      says: 'Each entry is a kernel, a function of one query and one key. The method works for any kernel that random features can estimate, not only for that of the softmax.',
    },
    {
      label: 'eq. 3',
      tex: tex`\mathrm{K}(\mathbf{x}, \mathbf{y}) = \mathbb{E}\left[\phi(\mathbf{x})^\top \phi(\mathbf{y})\right]`,
      says: tex`The kernel is the mean of products of random features $\phi$. So one draw of the features gives an estimate of it.`,
    },
    {
      label: 'eq. 4',
      tex: tex`\widehat{\mathrm{Att}}_{\leftrightarrow}(\mathbf{Q}, \mathbf{K}, \mathbf{V}) = \widehat{\mathbf{D}}^{-1} \left(\mathbf{Q}' \left((\mathbf{K}')^\top \mathbf{V}\right)\right), \qquad \widehat{\mathbf{D}} = \operatorname{diag}\left(\mathbf{Q}' \left((\mathbf{K}')^\top \mathbf{1}_L\right)\right)`,
      says: tex`With features in the rows of $\mathbf{Q}'$ and $\mathbf{K}'$, the brackets can start at the right. Keys and values are summed up first, into $r \times d$ numbers, and each query reads those.`,
    },
    {
      label: '§2.3',
      tex: tex`\begin{gathered} \mathrm{SM}(\mathbf{x}, \mathbf{y}) = \exp\left(\tfrac{\|\mathbf{x}\|^2}{2}\right) \mathrm{K}_{\mathrm{gauss}}(\mathbf{x}, \mathbf{y}) \exp\left(\tfrac{\|\mathbf{y}\|^2}{2}\right) \\ \mathrm{SMREG}(\mathbf{x}, \mathbf{y}) = \Lambda\, \mathbb{E}_{\omega \sim \mathrm{Unif}(\sqrt{d}\, \mathcal{S}^{d-1})} \cosh(\omega^\top \mathbf{z}) \end{gathered}`,
      says: tex`Two other ways. Sines and cosines estimate a Gaussian kernel, and so, by the first line, that of the softmax; but they can make weights negative. Vectors $\omega$ that all have the length $\sqrt{d}$ estimate SMREG, a kernel close to it; $\Lambda$ and $\mathbf{z}$ are those of eq. 7.`,
    },
    {
      label: 'eq. 5',
      tex: tex`\phi(\mathbf{x}) = \frac{h(\mathbf{x})}{\sqrt{m}} \left(f_1(\omega_1^\top \mathbf{x}), \dots, f_1(\omega_m^\top \mathbf{x}), \dots, f_l(\omega_1^\top \mathbf{x}), \dots, f_l(\omega_m^\top \mathbf{x})\right)`,
      says: tex`What all the feature maps look like: products with random vectors, one or two functions of each, and a factor $h$. A choice of $h$ and $f_1, \dots, f_l$ is a choice of kernel.`,
    },
    {
      label: 'eq. 6',
      tex: tex`\mathrm{SM}(\mathbf{x}, \mathbf{y}) = \exp(\mathbf{x}^\top \mathbf{y})`,
      says: tex`The kernel of softmax attention. Queries and keys are divided by $d^{1/4}$ first, which gives the $\sqrt{d}$ of eq. 1.`,
    },
    {
      label: 'Lemma 1',
      tex: tex`h(\mathbf{x}) = \exp\left(-\tfrac{\|\mathbf{x}\|^2}{2}\right),\; f_1 = \exp \qquad \text{or} \qquad h(\mathbf{x}) = \tfrac{1}{\sqrt{2}} \exp\left(-\tfrac{\|\mathbf{x}\|^2}{2}\right),\; f_1(u) = e^{u},\; f_2(u) = e^{-u}`,
      says: 'Either choice makes features that are always positive and right on average. The second, hyperbolic, has twice as many features and smaller errors. Eq. 7 says why they are right.',
    },
    {
      label: 'eq. 7',
      tex: tex`\begin{gathered} \mathrm{SM}(\mathbf{x}, \mathbf{y}) = \mathbb{E}_{\omega \sim \mathcal{N}(0, \mathbf{I}_d)} \left[\exp\left(\omega^\top \mathbf{x} - \tfrac{\|\mathbf{x}\|^2}{2}\right) \exp\left(\omega^\top \mathbf{y} - \tfrac{\|\mathbf{y}\|^2}{2}\right)\right] = \Lambda\, \mathbb{E}_{\omega \sim \mathcal{N}(0, \mathbf{I}_d)} \cosh(\omega^\top \mathbf{z}) \\ \Lambda = \exp\left(-\tfrac{\|\mathbf{x}\|^2 + \|\mathbf{y}\|^2}{2}\right), \qquad \mathbf{z} = \mathbf{x} + \mathbf{y} \end{gathered}`,
      says: tex`The kernel as the mean of a product: one factor depends on the query and $\omega$ only, the other on the key and $\omega$ only.`,
    },
    {
      label: '§2.4',
      tex: tex`\omega_i^\top \omega_j = 0 \;\; (i \ne j), \qquad \omega_i \sim \mathcal{D}`,
      says: tex`The random vectors are made orthogonal to each other, by Gram–Schmidt, while each by itself is distributed as before. So estimates stay right on average, and errors become smaller.`,
    },
    {
      label: 'Lemma 2',
      tex: tex`\begin{aligned} \mathrm{MSE}\left(\widehat{\mathrm{SM}}{}_m^{\mathrm{trig}}\right) &= \tfrac{1}{2m} \exp\left(\|\mathbf{x} + \mathbf{y}\|^2\right) \mathrm{SM}^{-2}(\mathbf{x}, \mathbf{y}) \left(1 - \exp\left(-\|\mathbf{x} - \mathbf{y}\|^2\right)\right)^2 \\ \mathrm{MSE}\left(\widehat{\mathrm{SM}}{}_m^{+}\right) &= \tfrac{1}{m} \exp\left(\|\mathbf{x} + \mathbf{y}\|^2\right) \mathrm{SM}^{2}(\mathbf{x}, \mathbf{y}) \left(1 - \exp\left(-\|\mathbf{x} + \mathbf{y}\|^2\right)\right) \\ \mathrm{MSE}\left(\widehat{\mathrm{SM}}{}_m^{\mathrm{hyp}+}\right) &= \tfrac{1}{2} \left(1 - \exp\left(-\|\mathbf{x} + \mathbf{y}\|^2\right)\right) \mathrm{MSE}\left(\widehat{\mathrm{SM}}{}_m^{+}\right) \end{aligned}`,
      says: tex`The mean squared errors of the three estimates, for independent random vectors. As the true weight goes to 0, that of sines and cosines grows without limit, and that of positive features goes to 0 too. So the paper concludes; for vectors of one length the second formula says it only where they point more than 120° apart.`,
    },
    {
      label: 'Theorem 1',
      tex: tex`\inf_{i,j} \frac{\mathbf{A}^{\mathrm{reg}}(i,j)}{\mathbf{A}(i,j)} \ge 1 - \frac{2}{d^{1/3}} + o\left(\frac{1}{d^{1/3}}\right), \qquad \sup_{i,j} \frac{\mathbf{A}^{\mathrm{reg}}(i,j)}{\mathbf{A}(i,j)} \le 1`,
      says: tex`Weights by SMREG are at most those of the softmax, and come close to them as $d$ grows, as long as the entries of $\mathbf{A}$ are bounded.`,
    },
    {
      label: 'Theorem 2',
      tex: tex`\mathrm{MSE}\left(\widehat{\mathrm{SM}}{}_m^{\mathrm{ort}+}(\mathbf{x}, \mathbf{y})\right) \le \mathrm{MSE}\left(\widehat{\mathrm{SM}}{}_m^{+}(\mathbf{x}, \mathbf{y})\right) - \frac{2(m-1)}{m(d+2)} \left(\mathrm{SM}(\mathbf{x}, \mathbf{y}) - \exp\left(-\tfrac{\|\mathbf{x}\|^2 + \|\mathbf{y}\|^2}{2}\right)\right)^2`,
      says: tex`Positive features of orthogonal vectors have a smaller error than those of independent ones, by at least the last term, in every dimension $d$; for $m \le d$ vectors.`,
    },
    {
      label: '§4.2',
      tex: tex`\omega_1, \dots, \omega_m \sim \mathcal{D} \quad \text{drawn again, now and then}`,
      says: 'In training, new random vectors are drawn from time to time, which the paper needs to match the Transformer on the larger of its two collections of texts (§4.3). It gives no formula; in a model of this library, `redrawEvery` says after how many steps.',
    },
    {
      label: 'Appendix A.3',
      tex: tex`m = 256, \qquad \omega_i^\top \omega_j = 0, \qquad \text{stabilizer} = 10^{-6}`,
      says: 'The authors’ defaults for the softmax kernel. The first two are the defaults here too. The third, added to features, is far smaller here and felt only where all features of keys underflow.',
    },
    {
      label: 'Appendix A.4',
      tex: tex`f_1(u) = \max(u, 0) + \epsilon, \qquad \epsilon = 10^{-3}, \qquad m = 256`,
      says: tex`Their defaults for another kernel, with $h(\mathbf{x}) = 1$: it does not estimate the softmax but gives an attention of its own.`,
    },
    {
      label: 'Algorithm 1',
      tex: tex`\begin{gathered} \mathbf{C} = [\mathbf{V} \;\; \mathbf{1}_L], \qquad \mathrm{Buf}_2 = \mathbf{Q}' \left((\mathbf{K}')^\top \mathbf{C}\right) \;\text{ or, causally, by eq. 11} \\ [\mathrm{Buf}_3 \;\; \mathrm{buf}_4] = \mathrm{Buf}_2, \qquad \text{return } \operatorname{diag}(\mathrm{buf}_4)^{-1}\, \mathrm{Buf}_3 \end{gathered}`,
      says: tex`The whole of eq. 4. A column of ones beside the values makes numerators and denominators in one go.`,
    },
    {
      label: 'eq. 11',
      tex: tex`\left[\operatorname{tril}\left(\mathbf{Q}'(\mathbf{K}')^\top\right) \mathbf{C}\right]_i = \mathbf{G}^{\mathrm{PS}}_{i,:,:} \times \mathbf{Q}'_i, \qquad \mathbf{G}^{\mathrm{PS}}_{i,:,:} = \sum_{j=1}^{i} \mathbf{G}_{j,:,:}, \qquad \mathbf{G}_{j,:,:} = \mathbf{K}'_j \mathbf{C}_j^\top`,
      says: tex`Causally, query $i$ reads the sum over keys up to its own. From one query to the next, a single product is added to the sum.`,
    },
    {
      label: 'Appendix B.2',
      tex: tex`\omega_i^\top \omega_j = 0 \;\; \text{within each block of } d, \qquad \omega_i \sim \mathcal{N}(0, \mathbf{I}_d)`,
      says: tex`In $d$ dimensions only $d$ vectors can be orthogonal. If $m > d$, they are so in blocks of $d$, and the blocks are independent. Their lengths are drawn as those of Gaussian vectors are.`,
    },
    {
      label: 'Appendix B.3',
      tex: tex`\text{time } O(Lmd), \qquad \text{space } O(md + Ld + mL)`,
      says: 'What it costs, causal or not. For the causal sums that holds as long as only the newest is kept.',
    },
  ],
  cost: {
    steps: [
      {
        tex: tex`2 \cdot L \cdot m \cdot d`,
        says: tex`Each of $L$ queries and $L$ keys is multiplied with $m$ random vectors, $d$ multiply-adds for each. The hyperbolic kernel, as the code does it, takes twice that.`,
      },
      {
        tex: tex`2 \cdot L \cdot r`,
        says: tex`From each product comes a feature, by an exponential. With the default kernel there are $r = m$ of them.`,
      },
      {
        tex: tex`L \cdot r \cdot (d + 1)`,
        says: tex`Each key adds a product of its $r$ features and its value, $d$ numbers and a 1, to the sum over keys.`,
      },
      {
        tex: tex`L \cdot r \cdot (d + 1)`,
        says: tex`Each query multiplies its $r$ features with that sum, and divides.`,
      },
      {
        tex: tex`2 L m d + 2 L r + 2 L r (d + 1) = O(L \cdot m \cdot d)`,
        says: tex`Since $r$ is $m$ or $2m$. No query meets a key, so there is no $L^2$. One token of a generation costs $O(m \cdot d)$, wherever it stands.`,
      },
    ],
  },
  givesUp: tex`Exactness. In proportion to its size, an entry of $\mathbf{A}$ is off by up to $\exp(\|\mathbf{q} + \mathbf{k}\|^2/2)/\sqrt{m}$ in the mean, for independent $\omega$ and scaled $\mathbf{q}$ and $\mathbf{k}$. So it estimates sharp attention, which comes from long vectors, badly. The output also depends on random vectors; the same seed gives the same output.`,
  goodFor: tex`Models of long sequences that are trained with it and need attention like softmax, causal or not. In the paper it matches the Transformer on proteins, and learns from sequences that are too long for a Transformer. In our measurements the time for one more token does not grow with the number of tokens before it.`,
  badFor: tex`Replacing full attention in a trained model without fine-tuning, which the paper needs too: in our comparison its error is large, and more features help little. Short sequences, where the features cost more than the pairs that they save. In our byte-level language model its loss is higher than full attention’s after the same number of steps.`,
};
